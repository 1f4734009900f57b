"""The loop that all stages share: time-boxed, resumable, averaged weights, a curve on disk; never a pickle.

Under `accelerate launch` or `torchrun` every process takes its share of the same global batch. All decide alike: the
main process's clock counts, and it alone writes.
"""

import csv
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, broadcast
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.tensor import DTensor
from tqdm import tqdm

from percov2_demo.errors import InputError
from percov2_demo.models.quantizer import VectorQuantizer
from percov2_demo.training.data.determinism import Draws, Share


@dataclass(frozen=True)
class LoopConfig:
    """How a stage is optimised.

    Args:
        learning_rate: Peak rate of AdamW.
        warmup_steps: Steps over which the rate rises linearly from zero.
        cooldown: Share of a call's time budget, at its end, over which the rate falls linearly to zero; a resumed
            run starts at the peak again.
        cooldown_steps: Steps before `max_steps` over which the rate falls linearly to zero, however many calls it
            takes to get there.
        weight_decay: AdamW's weight decay.
        momentum: AdamW's decay of the mean gradient.
        relative_rates: Learning rates relative to the others', by the name of the objective's part.
        gradient_clip: Largest gradient norm.
        ema_decay: Decay of the averaged weights, which are the ones that are kept.
        ema_decays: Other decays, by the name of the objective's part.
        max_steps: Steps after which the stage ends, whatever time is left.
        log_steps: Steps that a row of the curve is the mean of; None for as many as 15 seconds have.
        save_seconds: Seconds between one saved state and the next.
    """

    learning_rate: float = 1e-3
    warmup_steps: int = 200
    cooldown: float = 0.2
    cooldown_steps: int = 0
    weight_decay: float = 0.01
    momentum: float = 0.9
    relative_rates: dict[str, float] = field(default_factory=dict)
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    ema_decays: dict[str, float] = field(default_factory=dict)
    max_steps: int = 10_000_000
    log_steps: int | None = None
    save_seconds: float = 300.0

    def rate_at(self, step: int, progress: float) -> float:
        """Return the learning rate of a step, `progress` being the share of the time budget that is used up."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        cooldown = min(1.0, (1.0 - progress) / self.cooldown) if self.cooldown else 1.0
        if self.cooldown_steps:
            cooldown = min(cooldown, (self.max_steps - step) / self.cooldown_steps)
        return self.learning_rate * warmup * max(cooldown, 0.0)


STATE_FILES = ("weights.safetensors", "optimizer.safetensors", "average.safetensors", "state.json")
"""What a state consists of; `state.json`, with the step, comes last."""

_READY = "state.json.ready"
"""The step of a state whose other files are all written; while it is there, they are put in place."""

NextBatch = Callable[[int, Share], dict[str, Tensor | Draws]]
"""The arguments of the objective for a share of a step's global batch."""


class TrainingRun:
    """One stage's training state, in a folder of its own.

    Args:
        objective: Module whose call on a batch returns a dict of scalar losses, means over its samples; `loss` is the
            one minimised.
        folder: Where the state is kept, as safetensors and JSON, and the curve, as CSV.
        config: The optimisation settings.
        accelerator: Device, precision, processes, and steps of gradient accumulation.
        resume: Continue from the state in `folder`, which any number of processes may have left.

    Raises:
        InputError: The processes share the model by DeepSpeed, or a rate or decay is of a part that the objective
            does not have; or `check_folder` says so.
    """

    LOG_EVERY_S = 15.0

    def __init__(
        self, objective: nn.Module, folder: Path, config: LoopConfig, accelerator: Accelerator, resume: bool = False
    ):
        if accelerator.distributed_type == DistributedType.DEEPSPEED:
            raise InputError("DeepSpeed keeps its state as pickles, which are not read here: use FSDP instead")
        check_folder(folder, resume)
        self.folder, self.config, self.accelerator = folder, config, accelerator
        self.step, self.seconds = 0, 0.0
        parts = [name for name, _ in objective.named_children()]
        for setting in ("relative_rates", "ema_decays"):
            if unknown := sorted(set(getattr(config, setting)) - set(parts)):
                raise InputError(f"{setting} names {unknown[0]}: the objective's parts are {', '.join(parts)}")
        groups: dict[float, list[nn.Parameter]] = {}
        self._decays: list[float] = []
        for name, parameter in objective.named_parameters():
            if parameter.requires_grad:
                part = name.partition(".")[0]
                groups.setdefault(config.relative_rates.get(part, 1.0), []).append(parameter)
                self._decays.append(config.ema_decays.get(part, config.ema_decay))
        optimizer = torch.optim.AdamW(
            [{"params": parameters, "relative_rate": factor} for factor, parameters in groups.items()],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(config.momentum, 0.98),
            # Torch's default there needs temporaries as large as all the weights.
            fused=True if accelerator.device.type == "cuda" else None,
        )
        folder.mkdir(parents=True, exist_ok=True)
        if resume:
            objective.load_state_dict(load_file(folder / "average.safetensors"))
        # The averaged weights are loaded into this copy, because processes may share the objective in pieces.
        self._result = deepcopy(objective) if accelerator.is_main_process else objective
        self.model, self.optimizer = accelerator.prepare(objective, optimizer)
        self._average = [value.clone() for value in self._trained()]
        if resume:
            self._load()
        elif accelerator.is_main_process:
            (folder / "curve.csv").unlink(missing_ok=True)

    def run(
        self,
        next_batch: NextBatch,
        time_budget_s: float,
        on_save: Callable[[nn.Module, int], None] | None = None,
    ) -> nn.Module:
        """Train until the time budget or `max_steps` is used up, and save.

        Args:
            next_batch: The batches.
            time_budget_s: Seconds by the main process's clock.
            on_save: Called by the main process, whenever a state is saved, with the averaged objective and the step.

        Returns:
            The averaged objective; in other processes than the main one, the objective as it is.
        """
        count = self.accelerator.gradient_accumulation_steps
        processes, index = self.accelerator.num_processes, self.accelerator.process_index
        shares = [Share(index + processes * number, processes * count) for number in range(count)]
        start, base_seconds, elapsed = time.monotonic(), self.seconds, 0.0
        last_log = last_save = 0.0
        sums: dict[str, Tensor] = {}
        steps = 0
        hidden = None if self.accelerator.is_main_process else True
        bar = tqdm(total=int(time_budget_s), unit="s", disable=hidden)
        while self.step < self.config.max_steps and elapsed < time_budget_s:
            rate = self.config.rate_at(self.step, elapsed / time_budget_s)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["relative_rate"]
            # What is random beside the samples' own draws depends on the step alone, so that a resumed run goes on
            # as it would have, and all processes agree.
            torch.manual_seed(self.step)
            for name, value in self._take_step(next_batch, shares).items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            steps += 1
            elapsed = self._agree(time.monotonic() - start)
            self.seconds = base_seconds + elapsed
            is_last = self.step >= self.config.max_steps or elapsed >= time_budget_s
            if is_last or self._is_log_due(steps, elapsed - last_log):
                means = {name: value / steps for name, value in self._mean(sums).items()}
                self._log(means, rate)
                bar.set_postfix(step=self.step, **{name: f"{value:.4g}" for name, value in means.items()})
                bar.update(int(elapsed) - bar.n)
                sums, steps, last_log = {}, 0, elapsed
            if is_last or elapsed - last_save >= self.config.save_seconds:
                self.save(on_save)
                last_save = elapsed
        bar.close()
        return self._result

    def save(self, on_save: Callable[[nn.Module, int], None] | None = None) -> None:
        """Write the whole state beside the last one, then put it in its place. All processes call this.

        One that is killed while it writes leaves the last state as it was; one that is killed later leaves a state
        that `check_folder` puts in its place. What is gathered for a file is let go before the next, since the main
        process has no room for all of it at once.
        """
        self._write("weights", get_model_state_dict(self.model, options=_WHOLE))
        self._write("optimizer", self._optimizer_state())
        with self._averaged():
            self._write_average()
        if self.accelerator.is_main_process:
            state_file = self.folder / "state.json.partial"
            state_file.write_text(json.dumps({"step": self.step, "seconds": round(self.seconds, 1)}))
            state_file.replace(self.folder / _READY)
            _put_in_place(self.folder)
            if on_save is not None:
                on_save(self._result, self.step)
        self.accelerator.wait_for_everyone()

    def _take_step(self, next_batch: NextBatch, shares: list[Share]) -> dict[str, Tensor]:
        """Take one step of the optimiser, and return the means of this process's losses."""
        sums: dict[str, Tensor] = {}
        for share in shares:
            batch = next_batch(self.step, share)
            with self.accelerator.accumulate(self.model):
                with self.accelerator.autocast():
                    losses = self.model(**batch)
                self.accelerator.backward(losses["loss"])
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.detach().float() / len(shares)
        for part in self.model.modules():
            if isinstance(part, VectorQuantizer):
                part.follow()
        for average, value, decay in zip(self._average, self._trained(), self._decays, strict=True):
            # The first step's weights are the average that all later ones are mixed into.
            average.lerp_(value, 1 - decay if self.step else 1.0)
        return sums

    def _trained(self) -> list[Tensor]:
        """Return this process's part of the weights that are trained."""
        parameters = [parameter.detach() for parameter in self.model.parameters() if parameter.requires_grad]
        return [value.to_local() if isinstance(value, DTensor) else value for value in parameters]

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Put the averaged weights into the model within this context."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        # One by one: an accelerator may not have the memory for a second copy of all weights.
        for average, value in zip(self._average, self._trained(), strict=True):
            kept = value.clone()
            value.copy_(average)
            average.copy_(kept)

    def _agree(self, seconds: float) -> float:
        """Return the main process's time, for all decisions: else processes would wait for each other for ever."""
        if self.accelerator.num_processes == 1:
            return seconds
        return broadcast(torch.tensor(seconds, device=self.accelerator.device)).item()

    def _is_log_due(self, steps: int, seconds: float) -> bool:
        return seconds >= self.LOG_EVERY_S if self.config.log_steps is None else steps >= self.config.log_steps

    def _mean(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Average over all processes."""
        return dict(
            zip(losses, self.accelerator.reduce(torch.stack([*losses.values()]), "mean").tolist(), strict=True)
        )

    def _optimizer_state(self) -> dict[str, Tensor]:
        """Return the optimizer's state, by parameter and name with a full stop between them."""
        state = get_optimizer_state_dict(self.model, self.optimizer.optimizer, options=_WHOLE).get("state", {})
        return {f"{key}.{name}": value for key, part in state.items() for name, value in part.items()}

    def _write_average(self) -> None:
        average = get_model_state_dict(self.model, options=_WHOLE)
        self._write("average", average)
        if self.accelerator.is_main_process:
            self._result.load_state_dict(average)

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        if self.accelerator.is_main_process:
            save_file(_apart(tensors), self.folder / f"{name}.safetensors.partial")

    def _load(self) -> None:
        """Read what `save` wrote, except for the average."""
        set_model_state_dict(self.model, load_file(self.folder / "weights.safetensors"), options=_WHOLE)
        state: dict[str, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / "optimizer.safetensors").items():
            parameter, _, name = key.rpartition(".")
            state.setdefault(parameter, {})[name] = value
        optimizer = self.optimizer.optimizer
        groups = get_optimizer_state_dict(self.model, optimizer)
        whole = {"state": state, "param_groups": groups["param_groups"]}
        # A parameter that no step has trained yet has no state; steps may leave parts out.
        set_optimizer_state_dict(self.model, optimizer, whole, options=replace(_WHOLE, strict=False))
        saved = json.loads((self.folder / "state.json").read_text())
        self.step, self.seconds = saved["step"], saved["seconds"]
        if self.accelerator.is_main_process:
            self._cut_curve()

    def _cut_curve(self) -> None:
        """Delete the rows that were logged after the saved step."""
        path = self.folder / "curve.csv"
        if path.is_file():
            head, *rows = path.read_text().splitlines(keepends=True)
            path.write_text("".join([head, *(row for row in rows if int(row.partition(",")[0]) <= self.step)]))

    def _log(self, means: dict[str, float], rate: float) -> None:
        if not self.accelerator.is_main_process:
            return
        path = self.folder / "curve.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", "seconds", "learning_rate", *means])
            writer.writerow([self.step, round(self.seconds, 1), f"{rate:.3g}", *(f"{v:.6g}" for v in means.values())])


def check_folder(folder: Path, resume: bool) -> None:
    """Refuse to overwrite a saved state, or to resume without one, and end a save that was interrupted.

    Args:
        folder: A stage's folder.
        resume: Whether a run is to go on from the state in it.

    Raises:
        InputError: There is a state, but the run does not resume it; or it is to resume, but there is no state.
    """
    if (folder / _READY).is_file():
        _put_in_place(folder)
    state = folder / "state.json"
    if resume and not state.is_file():
        raise InputError(f"there is nothing to resume in {folder.name}: start it anew")
    if state.is_file() and not resume:
        step = json.loads(state.read_text())["step"]
        raise InputError(
            f"there is a trained state of step {step} in {folder.name}: resume it, or work in another folder"
        )


def _put_in_place(folder: Path) -> None:
    """Put the files of a written state in place of the last one's; several processes may do so at once."""
    for name in STATE_FILES:
        written = _READY if name == "state.json" else f"{name}.partial"
        with suppress(FileNotFoundError):
            (folder / written).replace(folder / name)


_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
"""How states are gathered and shared out, whichever way the processes share the model."""


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share memory, as tied weights do: safetensors refuses them."""
    written, taken = {}, set()
    for key, value in tensors.items():
        value = value.detach().contiguous()
        place = value.untyped_storage().data_ptr()
        written[key] = value.clone() if place in taken else value
        taken.add(place)
    return written
