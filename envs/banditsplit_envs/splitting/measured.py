"""Costs as measured: milliseconds, bytes or joules in place of assumed lambdas."""

import numpy as np

from banditsplit import _checks
from banditsplit._typing import Float
from banditsplit_envs.networks.profiling import Profile
from banditsplit_envs.splitting.cost import SplitCost

__all__ = ["measured_cost"]

UNITS = ("ms", "bytes", "joules")


def measured_cost(
    profile: Profile,
    *,
    unit: str = "ms",
    bandwidth: float | None = None,
    round_trip: float = 0.0,
    device: float = 1.0,
    cloud: float = 1.0,
    device_power: float | None = None,
    radio_power: float | None = None,
    quantile: str = "p50",
    evaluates: str = "split",
) -> SplitCost:
    """Return what one sample costs at every split of a network that was profiled.

    - ``"ms"``: the device runs layers and exits, sends the hidden state, waits for the way
      there and back and for the cloud's layers.
    - ``"joules"``: the device computes at ``device_power``, and sends at ``radio_power``.
    - ``"bytes"``: the hidden state, if it is sent; what runs on the device is free.

    Args:
        profile: Of single samples, but for ``"bytes"``: one that comes alone does not share
            its time with a batch.
        unit: ``"ms"``, ``"bytes"`` or ``"joules"``.
        bandwidth: Of the upload, in megabits per second; needed for time and energy.
        round_trip: To the cloud and back, without the data, in ms.
        device: How many times as long the device takes as the machine that was profiled.
        cloud: How many times as long the cloud takes.
        device_power: What computing draws on the device, in watts; needed for energy.
        radio_power: What sending draws, in watts; needed for energy.
        quantile: Of the measured latencies, ``"p50"`` or ``"p95"``. A sum of 95 % quantiles
            is not the 95 % quantile of the sum, but mostly above it.
        evaluates: As in `SplitCost`.

    Raises:
        TypeError: An argument is of the wrong type, or one that ``unit`` needs is missing.
        ValueError: An argument is outside its range, or ``profile`` is of larger batches.
    """
    _checks.instance("profile", profile, Profile)
    _checks.member("unit", unit, UNITS)
    _checks.member("quantile", quantile, ("p50", "p95"))
    if unit == "bytes":
        sent = _amounts(profile.state_bytes)
        return SplitCost(0.0, 0.0, 0.0, evaluates, overhead=sent, unit=unit)
    if profile.batch != 1:
        raise ValueError(
            f"`profile` must be of single samples, got batches of {profile.batch}."
        )
    slower = _checks.positive("device", device)
    head, exit_ = (getattr(profile, f"{part}_{quantile}") * slower for part in ("head", "exit"))
    layer = np.diff(head, prepend=0.0)
    # Bits over megabits per second are microseconds.
    upload = profile.state_bytes * 8e-3 / _checks.positive("bandwidth", bandwidth)
    if unit == "ms":
        tail = getattr(profile, f"tail_{quantile}") * _checks.positive("cloud", cloud)
        overhead = tail + _checks.nonnegative("round_trip", round_trip)
    else:
        watts = _checks.nonnegative("device_power", device_power)
        layer, exit_ = (ms * 1e-3 * watts for ms in (layer, exit_))
        upload = upload * 1e-3 * _checks.nonnegative("radio_power", radio_power)
        overhead = np.zeros_like(upload)
    return SplitCost(
        layer=_amounts(layer),
        exit=_amounts(exit_),
        offload=_amounts(upload),
        evaluates=evaluates,
        overhead=_amounts(overhead),
        unit=unit,
    )


def _amounts(numbers: Float) -> tuple[float, ...]:
    return tuple(float(number) for number in numbers)
