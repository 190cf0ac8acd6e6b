"""The article's schedule of `Session.run` calls, on today's TensorFlow in its TensorFlow 1 mode.

Our own layers for the time of 2016 (plain convolutions, fused batch norm, the framework's Adam),
run in the article's sequence: per batch D's update, G's update twice, and three evaluations for the
printed losses; per search iteration the loss and its gradient, with the update in NumPy. Its
summaries are left out.
"""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


class ArticleDCGAN:
    """The graph and its session, with the weights of ours.

    Args:
        model: our `DCGAN`, of the same process (its values are read before the graph is built).
        training: batch norm by the batch's statistics.
    """

    def __init__(self, model, training):
        a, values = model.architecture, {n: v.numpy() for n, v in model.vars.items()}
        self.training, self.batch = training, model.batch_size
        with tf.Graph().as_default() as graph:
            self.vars = {n: v1.get_variable(n, initializer=value, trainable="moving_" not in n)
                         for n, value in values.items()}
            shape = [self.batch, a.image_size, a.image_size, a.c_dim]
            self.images = v1.placeholder(tf.float32, shape)
            self.mask = v1.placeholder(tf.float32, shape)
            self.z = v1.placeholder(tf.float32, [self.batch, a.z_dim])
            self.G = self._generator(a)
            real, self.fake = self._discriminator(a, self.images), self._discriminator(a, self.G)
            self.d_loss_real, self.d_loss_fake = self._loss(real, 1.0), self._loss(self.fake, 0.0)
            self.g_loss = self._loss(self.fake, 1.0)
            self.d_loss = self.d_loss_real + self.d_loss_fake
            if training:
                adam = {"learning_rate": 0.0002, "beta1": 0.5}
                self.d_optim, self.g_optim = (
                    v1.train.AdamOptimizer(**adam).minimize(loss, var_list=[
                        v for n, v in self.vars.items()
                        if n.startswith(net) and "moving_" not in n])
                    for loss, net in ((self.d_loss, "discriminator"), (self.g_loss, "generator")))
            contextual = tf.reduce_sum(
                tf.abs(self.mask * self.G - self.mask * self.images), axis=[1, 2, 3])
            self.complete_loss = contextual + model.lam * self.g_loss
            self.gradient = v1.gradients(self.complete_loss, self.z)[0]
            self.session = v1.Session(graph=graph)
            self.session.run(v1.global_variables_initializer())

    def _norm(self, h, name):
        v = {part: self.vars[f"{name}/{part}"]
             for part in ("gamma", "beta", "moving_mean", "moving_variance")}
        if not self.training:
            return v1.nn.fused_batch_norm(
                h, v["gamma"], v["beta"], v["moving_mean"], v["moving_variance"], epsilon=1e-5,
                is_training=False)[0]
        h, mean, variance = v1.nn.fused_batch_norm(h, v["gamma"], v["beta"], epsilon=1e-5)
        moves = [v1.assign_sub(v[n], 0.1 * (v[n] - new))
                 for n, new in (("moving_mean", mean), ("moving_variance", variance))]
        with tf.control_dependencies(moves):
            return tf.identity(h)

    def _generator(self, a):
        v, name = self.vars, "generator/g_h0_lin"
        h = tf.matmul(self.z, v[f"{name}/Matrix"]) + v[f"{name}/bias"]
        h = tf.reshape(h, [-1, 4, 4, a.g_widths[0]])
        for i, width in enumerate((*a.g_widths[1:], a.c_dim)):
            h = tf.nn.relu(self._norm(h, f"generator/g_bn{i}"))
            name, size = f"generator/g_h{i + 1}", 8 * 2**i
            h = tf.nn.conv2d_transpose(
                h, v[f"{name}/w"], [self.batch, size, size, width], strides=2, padding="SAME")
            h = tf.nn.bias_add(h, v[f"{name}/biases"])
        return tf.nn.tanh(h)

    def _discriminator(self, a, h):
        v = self.vars
        for i in range(len(a.d_widths)):
            name = f"discriminator/d_h{i}_conv"
            h = tf.nn.conv2d(h, v[f"{name}/w"], strides=2, padding="SAME")
            h = tf.nn.bias_add(h, v[f"{name}/biases"])
            if i > 0:
                h = self._norm(h, f"discriminator/d_bn{i}")
            h = tf.maximum(h, 0.2 * h)
        name = f"discriminator/d_h{len(a.d_widths) - 1}_lin"
        return tf.matmul(
            tf.reshape(h, [self.batch, -1]), v[f"{name}/Matrix"]) + v[f"{name}/bias"]

    @staticmethod
    def _loss(logits, label):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.fill(tf.shape(logits), label), logits=logits))

    def train_step(self, images, z):
        """Returns `(d_loss, g_loss)`, evaluated after the updates."""
        run, feed = self.session.run, {self.images: images, self.z: z}
        run(self.d_optim, feed)
        run(self.g_optim, {self.z: z})
        run(self.g_optim, {self.z: z})
        fake = run(self.d_loss_fake, {self.z: z})
        real = run(self.d_loss_real, {self.images: images})
        return real + fake, run(self.g_loss, {self.z: z})

    def make_search(self, images, mask, lr=0.0001, momentum=0.9):
        """`step(z)`: one iteration of the article's search, in place; returns its loss `[B]`."""
        speed, mask = 0.0, np.broadcast_to(mask, images.shape)

        def step(z):
            nonlocal speed
            loss, gradient = self.session.run(
                [self.complete_loss, self.gradient],
                {self.z: z, self.images: images, self.mask: mask})
            previous, speed = speed, momentum * speed - lr * gradient
            z += -momentum * previous + (1 + momentum) * speed
            np.clip(z, -1, 1, out=z)
            return loss

        return step
