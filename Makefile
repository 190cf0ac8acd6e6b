# One of 3.11, 3.12 and 3.13; .ci/python.sh finds it where none is named.
PYTHON ?=
BIN = .venv/bin
DEMO = demo/out
# Scripts of demo/ and benchmarks/ import what lies beside them.
unexport PYTHONSAFEPATH

# An environment has the path of its folder in it. In a clone that was moved or copied, or after the
# end of its Python, it is made anew; one that is a link is somebody's own.
STALE := $(shell test ! -d .venv -o -h .venv || { .venv/bin/python -c '' && \
	test "`. .venv/bin/activate && cd "$$VIRTUAL_ENV" && pwd -P`" = "`cd .venv && pwd -P`"; \
	} 2> /dev/null || echo stale)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: setup stale paint demo test test-fast pins docs-check pictures photographs screenshots paint-pictures bench
setup: .venv/installed

stale:
	@echo ".venv was made in another place, or its Python is gone: it is made anew"

.venv/installed: requirements.txt $(STALE)
	python=`sh .ci/python.sh $(PYTHON)` && "$$python" -m venv $(STALE:stale=--clear) .venv
	$(PIP) -r requirements.txt
	touch $@

# A page to paint on: make paint, or make paint PAINT="--port 9000".
PAINT ?=
paint: .venv/paint
	$(BIN)/python paint/serve.py $(PAINT)

.venv/paint: .venv/installed paint/requirements.txt
	$(PIP) -r paint/requirements.txt
	touch $@

# The page is tested in a browser where there is one; Playwright is to drive it.
.venv/paint-test: .venv/paint paint/requirements-test.txt
	if command -v chromium > /dev/null; then $(PIP) \
		-r paint/requirements-test.txt && touch $@; \
	else echo "chromium is not there: the page is tested without a browser"; fi

# Draw faces, train a small network on them at 32x32 from nothing, complete others; and then
# those in docs/samples with the network that comes with the program.
demo: setup
	rm -rf $(DEMO)
	$(BIN)/python demo/draw_faces.py $(DEMO)/train --count 3000 --size 32 --calm
	$(BIN)/python demo/draw_faces.py $(DEMO)/test --count 64 --size 32 --seed 1 --calm
	$(BIN)/python train-dcgan.py --dataset $(DEMO)/train --image_size 32 --gf_dim 24 --df_dim 16 \
		--z_dim 50 --batch_size 32 --epoch 28 --learning_rate 0.002 --lr_schedule cosine \
		--ema 0.995 --flip \
		--checkpoint_dir $(DEMO)/checkpoint --sample_dir $(DEMO)/samples --sample_interval 250 \
		--log_dir $(DEMO)/logs/training --summary_interval 100
	$(BIN)/python complete.py $(DEMO)/test --checkpointDir $(DEMO)/checkpoint --preset fast \
		--outDir $(DEMO)/completions --outInterval 1 --log_dir $(DEMO)/logs/completion
	$(BIN)/python complete.py docs/samples --checkpointDir pretrained --preset fast \
		--outDir $(DEMO)/pretrained --outInterval 5
	$(BIN)/python demo/show.py $(DEMO)/result.png $(DEMO)/completions --scale 4
	$(BIN)/python demo/show.py $(DEMO)/pretrained.png $(DEMO)/pretrained
	@echo
	$(BIN)/python demo/measure.py $(DEMO)/completions
	@echo
	@echo "Look at:"
	@echo "  $(DEMO)/result.png                   faces it never saw, what it was shown, what it made"
	@echo "  $(DEMO)/pretrained.png               the same of the network in pretrained/"
	@echo "  $(DEMO)/completions/report.html      all 64 side by side, with losses and quality"
	@echo "  $(DEMO)/completions/completion.gif   the search for the completions"
	@echo "  $(DEMO)/samples/                     faces that the generator made up, as it learned"
	@echo "  $(BIN)/tensorboard --logdir $(DEMO)/logs"
	@echo "And paint over a photograph of your own:"
	@echo "  make paint"

test: .venv/test .venv/paint-test
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --durations=25

# A minute's worth of them, while one works.
test-fast: .venv/test
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 -m "not slow"

.venv/test: .venv/installed tests/requirements.txt
	$(PIP) -r tests/requirements.txt
	touch $@

# The exact versions that pyproject.toml names, with those of all that they need; one that is in the
# file already stays, unless the other asks for another.
PINS = $(BIN)/uv pip compile --quiet --python-version 3.11 --annotation-style line \
	--custom-compile-command "make pins"
pins: setup
	$(PIP) uv==0.13.9
	$(PINS) pyproject.toml -o requirements.txt
	$(PINS) --group test -c requirements.txt -o tests/requirements.txt
	$(PINS) --group paint -c requirements.txt -o paint/requirements.txt
	$(PINS) --group browser -c requirements.txt -o paint/requirements-test.txt

# Run every command that README and docs/ show.
docs-check: setup
	$(BIN)/python docs/check.py

# The pictures of README and docs/: of the network in pretrained/, or FACES=path/to/checkpoint, ...
FACES ?= pretrained
SAMPLES = docs/samples
SHOWN = $(DEMO)/shown
LIST_MASKS = $(BIN)/python -c 'from dcgan.inpainting.masks import MASKS; print(*MASKS)'
COMPLETE = $(BIN)/python complete.py --checkpointDir $(FACES)
VISUALIZE = $(BIN)/python train-dcgan.py --checkpoint_dir $(FACES) --sample_dir $(SHOWN)/latent --visualize
pictures: setup
	rm -rf $(SHOWN)
	$(COMPLETE) $(SAMPLES) --preset best --outInterval 4 --outDir $(SHOWN)/completions
	$(BIN)/python demo/show.py $(SHOWN)/completion.png $(SHOWN)/completions
	cp $(SHOWN)/completion.png $(SHOWN)/completions/completion.gif docs
	for mask in `$(LIST_MASKS)`; do $(COMPLETE) $(SAMPLES) --maskType $$mask --preset best \
		--outDir $(SHOWN)/$$mask || exit; done
	$(BIN)/python demo/show.py $(SHOWN)/masks.png `$(LIST_MASKS) | sed 's|[^ ]*|$(SHOWN)/&|g'`
	for kind in samples interpolate sweep; do $(VISUALIZE) $$kind || exit; done
	cp $(SHOWN)/masks.png docs
	cp $(SHOWN)/latent/* docs/latent

# ... of a photograph of a real person, which may be shown, painted over in three ways, ...
PHOTOS = $(DEMO)/photographs
photographs: .venv/paint-test
	rm -rf $(PHOTOS)
	$(BIN)/python demo/paint_over.py $(PHOTOS)
	$(COMPLETE) $(PHOTOS)/photos --preset best --align --mask $(PHOTOS)/masks \
		--truth $(PHOTOS)/whole --outDir $(PHOTOS)/completions
	$(BIN)/python demo/show_photos.py $(PHOTOS)/photographs.png $(PHOTOS)/photos \
		$(PHOTOS)/completions $(PHOTOS)/whole
	$(BIN)/python demo/screenshots.py $(PHOTOS)/pages --page $(PHOTOS)/completions/report.html \
		--width 1500 --height 900
	cp $(PHOTOS)/photographs.png $(PHOTOS)/pages/report.png docs

# ... and of what the demo has left.
screenshots: .venv/paint-test
	cp $(DEMO)/result.png docs/demo.png
	$(BIN)/python demo/screenshots.py $(DEMO)/pages --logdir $(DEMO)/logs
	cp $(DEMO)/pages/tensorboard-*.png docs

# ... and of the page to paint on.
paint-pictures: .venv/paint-test
	rm -rf $(DEMO)/paint
	$(BIN)/python demo/paint_over.py $(DEMO)/paint
	$(BIN)/python demo/paint_pictures.py $(DEMO)/paint/page --photo $(DEMO)/paint/whole/pen.png
	cp $(DEMO)/paint/page/paint* docs

# Speed beside PyTorch and the article's schedule: half an hour, on a machine that does nothing else.
bench: setup
	$(PIP) -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/bench.py
