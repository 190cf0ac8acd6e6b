PYTHON ?= python3
BIN = .venv/bin

.PHONY: setup demo test
setup: .venv/installed

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# Draw faces, train a small network on them, complete others.
demo: setup
	rm -rf demo/out
	$(BIN)/python demo/draw_faces.py demo/out/train --count 4000
	$(BIN)/python demo/draw_faces.py demo/out/test --count 64 --seed 1
	$(BIN)/python train-dcgan.py --dataset demo/out/train --gf_dim 32 --df_dim 32 \
		--max_steps 400 --checkpoint_dir demo/out/checkpoint --sample_dir demo/out/samples \
		--log_dir demo/out/logs
	$(BIN)/python complete.py demo/out/test --checkpointDir demo/out/checkpoint \
		--outDir demo/out/completions --approach adam --lr 0.1 --nIter 100 --outInterval 10
	@echo
	@echo "Look at:"
	@echo "  demo/out/samples/                    faces that the generator made up, as it learned"
	@echo "  demo/out/completions/before.png      faces that it has never seen"
	@echo "  demo/out/completions/masked.png      what complete.py was shown of them"
	@echo "  demo/out/completions/completed/      the completions; completion.gif moves"
	@echo "  $(BIN)/tensorboard --logdir demo/out/logs"

test: setup
	$(BIN)/python -m pytest
