"""Linear regression that outliers cannot pull away. One file an estimator."""
