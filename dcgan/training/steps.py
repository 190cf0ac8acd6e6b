"""The compiled training step of all replicas, and what goes into the step of a number."""

import tensorflow as tf

import ops
from dcgan.training import augment


def make_train_step(model):
    """The compiled training step of all replicas.

    Args:
        model: a `DCGAN` with optimizers.

    Returns:
        The function `(images, z, stop, learning_rate, u, penalised) -> result`: of a distributed
        batch of images, z `[batch_size, z_dim]`, a float32 that is not 0 if this worker was asked
        to stop, and what else `DCGAN.train_step` takes; `result` is what that returns, with the
        means of all replicas, D's probabilities of this worker's, the accuracies, and `stop`, 0
        unless any worker was asked to, so that all of them stop behind the same step.
    """
    def of_replica(images, z, stop, learning_rate, u, penalised):
        count = images.shape[0]
        first = count * tf.distribute.get_replica_context().replica_id_in_sync_group
        z = tf.slice(z, [first, 0], [count, model.z_dim])
        if u is not None:
            u = tf.slice(u, [0, first, 0], [u.shape[0], count, u.shape[2]])
        result = model.train_step(images, z, learning_rate, u, penalised)
        d, d_ = result.pop("d"), result.pop("d_")
        result["accuracy/real"] = tf.reduce_mean(tf.cast(d > 0.5, tf.float32))
        result["accuracy/fake"] = tf.reduce_mean(tf.cast(d_ < 0.5, tf.float32))
        result["stop"] = tf.identity(stop)
        return ops.mean_of_replicas(result), d, d_

    one_gpu = (tf.config.get_visible_devices("GPU")
               and model.strategy.num_replicas_in_sync == 1)
    if model.jit or model.jit is None and one_gpu:
        of_replica = tf.function(of_replica, jit_compile=True, autograph=False)

    @tf.function(autograph=False)
    def step(images, z, stop, learning_rate=None, u=None, penalised=False):
        result, d, d_ = model.strategy.run(
            of_replica, (images, z, stop, learning_rate, u, penalised))
        local = model.strategy.experimental_local_results
        return {**{name: local(mean)[0] for name, mean in result.items()},
                "d": tf.concat(local(d), axis=0), "d_": tf.concat(local(d_), axis=0)}

    return step


def z_of_step(model, step):
    """Uniform z of a training step, `[batch_size, z_dim]`: a function of seed and step."""
    return tf.random.stateless_uniform(
        [model.batch_size, model.z_dim], tf.stack([tf.cast(model.seed, tf.int64), step]), -1, 1)


def of_recipe(model, first_rate, step, steps):
    """What the recipe adds to a step of so many: `(learning_rate, u, penalised)`, as
    `DCGAN.train_step` takes them, a function of seed and step."""
    recipe = model.recipe
    u = augment.draw(model.seed, step, model.batch_size) if recipe.diffaug else None
    rate = tf.constant(recipe.rate_at(first_rate, step, steps), tf.float32)
    return rate, u, recipe.penalises(step)
