"""Multiple imputation: draw the missing values, analyse each completed data set, pool."""
