"""Which weight is meant by kernel_regularizer, gamma_constraint and their like.

Keras's arguments call a weight by the part that it plays, its role; `params` calls it as the
formulas do. Each layer with weights names one of these tables as its `roles`, and takes for every
role in it a `_regularizer` (a price in the loss) and a `_constraint` (where it may be).
"""

from typing import Any

from numcnn import constraints, regularizers

Roles = dict[str, str]  # Keras's name of a weight's role -> its name in `params`

KERNEL_AND_BIAS: Roles = {"kernel": "w", "bias": "b"}
DEPTHWISE_AND_BIAS: Roles = {"depthwise": "w", "bias": "b"}
SEPARATED: Roles = {"depthwise": "w_depth", "pointwise": "w_point", "bias": "b"}
SCALE_AND_SHIFT: Roles = {"gamma": "gamma", "beta": "beta"}
SLOPE: Roles = {"alpha": "alpha"}

KINDS = ("regularizer", "constraint")


def named(roles: Roles, attribute: str) -> str | None:
    """Return the parameter that Keras has as an attribute of this name, None where it has none.

    Example:
        >>> named(KERNEL_AND_BIAS, "kernel"), named(SEPARATED, "pointwise_kernel")
        ('w', 'w_point')
        >>> named(DEPTHWISE_AND_BIAS, "kernel"), named(SLOPE, "kernel")
        ('w', None)
    """
    if attribute == "kernel" and "w" in roles.values():
        return "w"
    short = attribute.removesuffix("_kernel")
    whole = attribute in ("bias", "kernel", *SCALE_AND_SHIFT, *SLOPE) or short != attribute
    return roles.get(short) if whole else None


def arguments(roles: Roles) -> list[str]:
    """Return the arguments that a layer with these roles takes.

    Example:
        >>> arguments(SLOPE)
        ['alpha_regularizer', 'alpha_constraint']
    """
    return [f"{role}_{kind}" for role in roles for kind in KINDS]


def take(
    roles: Roles, given: dict[str, Any]
) -> tuple[dict[str, regularizers.Regularizer], dict[str, constraints.Constraint]]:
    """Take these arguments out of `given`; return prices and limits by the parameter's name.

    Example:
        >>> given = {"kernel_regularizer": "l2", "bias_constraint": None, "name": "last"}
        >>> prices, limits = take(KERNEL_AND_BIAS, given)
        >>> prices["w"].get_config(), limits, given
        ({'l2': 0.01}, {}, {'name': 'last'})
    """
    prices, limits = {}, {}
    for role, name in roles.items():
        price = regularizers.get(given.pop(f"{role}_regularizer", None))
        limit = constraints.get(given.pop(f"{role}_constraint", None))
        if price is not None:
            prices[name] = price
        if limit is not None:
            limits[name] = limit
    return prices, limits


def stated(
    roles: Roles,
    prices: dict[str, regularizers.Regularizer],
    limits: dict[str, constraints.Constraint],
) -> dict[str, Any]:
    """Return the arguments that `take` took.

    Example:
        >>> stated(SLOPE, {"alpha": regularizers.L2(0.5)}, {})
        {'alpha_regularizer': {'class_name': 'L2', 'config': {'l2': 0.5}}}
    """
    found: dict[str, Any] = {}
    for role, name in roles.items():
        if name in prices:
            found[f"{role}_regularizer"] = regularizers.serialize(prices[name])
        if name in limits:
            found[f"{role}_constraint"] = constraints.serialize(limits[name])
    return found
