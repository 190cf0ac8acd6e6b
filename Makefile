PYTHON ?= python3
BIN = .venv/bin
DEMO = demo/out

.PHONY: setup demo test docs-check pictures photographs bench
setup: .venv/installed

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# Draw faces, train a small network on them at 32x32, complete others.
demo: setup
	rm -rf $(DEMO)
	$(BIN)/python demo/draw_faces.py $(DEMO)/train --count 4000
	$(BIN)/python demo/draw_faces.py $(DEMO)/test --count 64 --seed 1
	$(BIN)/python train-dcgan.py --dataset $(DEMO)/train --image_size 32 --gf_dim 32 --df_dim 32 \
		--checkpoint_dir $(DEMO)/checkpoint --sample_dir $(DEMO)/samples --log_dir $(DEMO)/logs
	$(BIN)/python complete.py $(DEMO)/test --checkpointDir $(DEMO)/checkpoint \
		--outDir $(DEMO)/completions --approach adam --lr 0.1 --nIter 150 --outInterval 10
	$(BIN)/python demo/show.py $(DEMO)/result.png $(DEMO)/completions --scale 4
	@echo
	@echo "Look at:"
	@echo "  $(DEMO)/result.png                   faces it never saw, what it was shown, what it made"
	@echo "  $(DEMO)/samples/                     faces that the generator made up, as it learned"
	@echo "  $(DEMO)/completions/completion.gif   the search for the completions"
	@echo "  $(BIN)/tensorboard --logdir $(DEMO)/logs"

test: setup
	$(BIN)/python -m pytest

# Run every command that README and docs/ show.
docs-check: setup
	$(BIN)/python docs/check.py

# The README's pictures, from what the demo has left.
LIST_MASKS = $(BIN)/python -c 'from inpainting.masks import MASKS; print(*MASKS)'
COMPLETE = $(BIN)/python complete.py --checkpointDir $(DEMO)/checkpoint
pictures: setup
	cp $(DEMO)/result.png docs/demo.png
	for mask in `$(LIST_MASKS)`; do $(COMPLETE) $(DEMO)/test/face_00000?.png --maskType $$mask \
		--outDir $(DEMO)/masks/$$mask --approach adam --lr 0.1 --nIter 150 || exit; done
	$(BIN)/python demo/show.py docs/masks.png `$(LIST_MASKS) | sed 's|[^ ]*|$(DEMO)/masks/&|g'`

# Those of photographs, of faces that a network makes up: make photographs FACES=path/to/checkpoint
PHOTOS = $(DEMO)/photographs
FACES ?= ../shared/reference-checkpoint
photographs: setup
	rm -rf $(PHOTOS)
	$(BIN)/python demo/sample.py $(PHOTOS)/faces --checkpointDir $(FACES)
	$(BIN)/python demo/draw_photos.py $(PHOTOS) --faces $(PHOTOS)/faces
	$(BIN)/python complete.py $(PHOTOS)/photos --checkpointDir $(FACES) --preset best --align \
		--landmarks $(PHOTOS)/landmarks.csv --mask $(PHOTOS)/masks --truth $(PHOTOS)/photos \
		--outDir $(PHOTOS)/completions
	$(BIN)/python demo/show_photos.py docs/photographs.png $(PHOTOS)/photos $(PHOTOS)/masks \
		$(PHOTOS)/completions
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1500,900 \
		--screenshot=docs/report.png file://$(CURDIR)/$(PHOTOS)/completions/report.html

# Speed beside PyTorch and the article's schedule: half an hour, on a machine that does nothing else.
bench: setup
	$(BIN)/pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/bench.py
