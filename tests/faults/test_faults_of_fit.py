"""``fit`` refuses what is wrong with its data, by name, and changes nothing."""

import pytest
from catalogue import arguments, assert_refused, both_states, fit_faults, kinds, tasks_with

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.mark.parametrize("kind", kinds(fit_faults))
def test_fault_is_refused_by_fit(kind):
    for task in tasks_with(fit_faults, kind):
        fault = fit_faults(task)[kind]
        for est in both_states(task, **fault.params):
            data = arguments(task)
            if fault.params:  # of early stopping: rows are held out
                del data["X_val"], data["y_val"]
                est.set_params(validation_fraction=0.3)
            fault.change(data)
            assert_refused(est, fault, est.fit, **data)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_catalogue_is_long(task):
    assert len(fit_faults(task)) >= 120
