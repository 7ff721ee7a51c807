"""How likely each model is to lead when a contract looks: two estimators that know nothing of prices."""
