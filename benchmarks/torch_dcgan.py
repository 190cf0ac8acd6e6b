"""The article's DCGAN as a PyTorch user would write it today: what bench.py compares with.

channels-last tensors, autocast for bfloat16, fused Adam, networks whose gradients are not needed
frozen, and the first G update on the G(z) that D's update made, as in PyTorch's own tutorial.
"""

import torch
import torch.nn.functional as F
from torch import nn

BN = {"eps": 1e-5, "momentum": 0.1}  # PyTorch's momentum is the share of the new


class Generator(nn.Module):
    def __init__(self, architecture):
        super().__init__()
        widths = architecture.g_widths
        self.linear = nn.Linear(architecture.z_dim, 16 * widths[0])
        self.norms = nn.ModuleList(nn.BatchNorm2d(n, **BN) for n in widths)
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(n_in, n_out, 5, stride=2, padding=2, output_padding=1)
            for n_in, n_out in zip(widths, (*widths[1:], architecture.c_dim)))

    def forward(self, z):
        h = self.linear(z).view(len(z), -1, 4, 4).contiguous(memory_format=torch.channels_last)
        for norm, convolution in zip(self.norms, self.convolutions):
            h = convolution(F.relu(norm(h)))
        return torch.tanh(h)


class Discriminator(nn.Module):
    def __init__(self, architecture):
        super().__init__()
        widths = architecture.d_widths
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 5, stride=2, padding=2)
            for n_in, n_out in zip((architecture.c_dim, *widths), widths))
        self.norms = nn.ModuleList(
            [nn.Identity(), *(nn.BatchNorm2d(n, **BN) for n in widths[1:])])
        self.linear = nn.Linear(16 * widths[-1], 1)

    def forward(self, h):
        for convolution, norm in zip(self.convolutions, self.norms):
            h = F.leaky_relu(norm(convolution(h)), 0.2)
        return self.linear(h.flatten(1))


class TorchDCGAN:
    """Both networks, a training step and a search, with the weights of ours.

    PyTorch pads 2 in front and 1 behind where TensorFlow's SAME pads 1 and 2, which is the same
    seen in a mirror: these networks have mirrored kernels, and take and make images upside down and
    the wrong way round.

    Args:
        model: our `DCGAN`.
        bfloat16: compute under autocast.
    """

    def __init__(self, model, bfloat16=False):
        self.bfloat16, self.lam = bfloat16, model.lam
        self.G, self.D = Generator(model.architecture), Discriminator(model.architecture)
        self._load(model)
        for net in (self.G, self.D):
            net.to(memory_format=torch.channels_last)
        self.g_optim, self.d_optim = (
            torch.optim.Adam(net.parameters(), lr=0.0002, betas=(0.5, 0.999), fused=True)
            for net in (self.G, self.D))

    def _load(self, model):
        v = {name: torch.tensor(variable.numpy()) for name, variable in model.vars.items()}

        def norm(layer, name):
            for ours, theirs in (("gamma", layer.weight), ("beta", layer.bias),
                                 ("moving_mean", layer.running_mean),
                                 ("moving_variance", layer.running_var)):
                theirs.data.copy_(v[f"{name}/{ours}"])

        def mirrored(t, width, axis):
            """4x4 places of all channels, channels last, to channels first and mirrored."""
            t = t.movedim(axis, 0)
            t = t.reshape(4, 4, width, -1).flip(0, 1).permute(2, 0, 1, 3)
            return t.reshape(16 * width, -1)

        g, d = "generator/g_", "discriminator/d_"
        width = model.architecture.g_widths[0]
        self.G.linear.weight.data.copy_(mirrored(v[f"{g}h0_lin/Matrix"], width, axis=1))
        self.G.linear.bias.data.copy_(mirrored(v[f"{g}h0_lin/bias"], width, axis=0)[:, 0])
        for i, layer in enumerate(self.G.convolutions):
            norm(self.G.norms[i], f"{g}bn{i}")
            layer.weight.data.copy_(v[f"{g}h{i + 1}/w"].flip(0, 1).permute(3, 2, 0, 1))
            layer.bias.data.copy_(v[f"{g}h{i + 1}/biases"])
        for i, layer in enumerate(self.D.convolutions):
            if i > 0:
                norm(self.D.norms[i], f"{d}bn{i}")
            layer.weight.data.copy_(v[f"{d}h{i}_conv/w"].flip(0, 1).permute(3, 2, 0, 1))
            layer.bias.data.copy_(v[f"{d}h{i}_conv/biases"])
        last = f"{d}h{len(self.D.convolutions) - 1}_lin"
        width = model.architecture.d_widths[-1]
        self.D.linear.weight.data.copy_(mirrored(v[f"{last}/Matrix"], width, axis=0).T)
        self.D.linear.bias.data.copy_(v[f"{last}/bias"])

    @staticmethod
    def images(array):
        """`[B, H, W, C]` NumPy to mirrored `[B, C, H, W]`, channels last in memory."""
        return torch.tensor(array).permute(0, 3, 1, 2).flip(2, 3).contiguous(
            memory_format=torch.channels_last)

    def _loss(self, logits, label):
        return F.binary_cross_entropy_with_logits(
            logits.float(), torch.full_like(logits, label, dtype=torch.float32))

    def train_step(self, images, z):
        """D's update and two of G; returns `(d_loss, g_loss)` tensors."""
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)
        with autocast:
            fake = self.G(z)
            d_loss = self._loss(self.D(images), 1.0) + self._loss(self.D(fake.detach()), 0.0)
        self.d_optim.zero_grad()
        d_loss.backward()
        self.d_optim.step()
        self.D.requires_grad_(False)
        for again in (False, True):
            with autocast:
                g_loss = self._loss(self.D(self.G(z) if again else fake), 1.0)
            self.g_optim.zero_grad()
            g_loss.backward()
            self.g_optim.step()
        self.D.requires_grad_(True)
        return d_loss, g_loss

    def make_search(self, images, mask, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
        """`step(z)`: one iteration of the search with Adam, in place; returns the losses `[B]`."""
        for net in (self.G, self.D):
            net.eval().requires_grad_(False)
            if self.bfloat16:  # once: autocast keeps only casts of weights that are trained
                net.convolutions.to(torch.bfloat16)
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16)
        state = {"m": 0.0, "v": 0.0, "t": 0}

        def step(z):
            z.requires_grad_(True)
            with autocast:
                fake = self.G(z).float()
                contextual = (mask * fake - mask * images).abs().sum(dim=(1, 2, 3))
                logits = self.D(fake).float()
            perceptual = F.binary_cross_entropy_with_logits(
                logits, torch.ones_like(logits), reduction="none")[:, 0]
            loss = contextual + self.lam * perceptual
            (gradient,) = torch.autograd.grad(loss.sum(), z)
            state["t"] += 1
            state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
            state["v"] = beta2 * state["v"] + (1 - beta2) * gradient**2
            m_hat = state["m"] / (1 - beta1**state["t"])
            v_hat = state["v"] / (1 - beta2**state["t"])
            with torch.no_grad():
                z.sub_(lr * m_hat / (v_hat.sqrt() + eps)).clamp_(-1, 1)
            return loss.detach()

        return step
