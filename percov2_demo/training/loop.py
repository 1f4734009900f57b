"""The loop that all stages share: time-boxed, resumable, averaged weights, a curve on disk; never a pickle."""

import csv
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm


@dataclass(frozen=True)
class LoopConfig:
    """How a stage is optimised.

    Args:
        learning_rate: Peak rate of AdamW.
        warmup_steps: Steps over which the rate rises linearly from zero.
        cooldown: Share of a call's time budget, at its end, over which the rate falls linearly to zero; a resumed
            run starts at the peak again.
        weight_decay: AdamW's weight decay.
        momentum: AdamW's decay of the mean gradient.
        relative_rates: Learning rates relative to the others', by the name of the objective's part.
        gradient_clip: Largest gradient norm.
        ema_decay: Decay of the averaged weights, which are the ones that are kept.
        max_steps: Steps after which the stage ends, whatever time is left.
    """

    learning_rate: float = 1e-3
    warmup_steps: int = 200
    cooldown: float = 0.2
    weight_decay: float = 0.01
    momentum: float = 0.9
    relative_rates: dict[str, float] = field(default_factory=dict)
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    max_steps: int = 10_000_000


class TrainingRun:
    """One stage's training state, in a folder of its own.

    Args:
        objective: Module whose call on a batch returns a dict of scalar losses; `loss` is the one minimised.
        folder: Where the state is kept, as safetensors and JSON, and the curve, as CSV.
        config: The optimisation settings.
        accelerator: Device and precision.
        resume: Continue from the state in `folder`.

    Raises:
        ValueError: A relative rate is of a part that the objective does not have.
    """

    LOG_EVERY_S = 15.0
    SAVE_EVERY_S = 300.0

    def __init__(
        self, objective: nn.Module, folder: Path, config: LoopConfig, accelerator: Accelerator, resume: bool = False
    ):
        self.folder, self.config, self.accelerator = folder, config, accelerator
        self.step, self.seconds = 0, 0.0
        parts = [name for name, _ in objective.named_children()]
        if unknown := sorted(set(config.relative_rates) - set(parts)):
            raise ValueError(f"relative_rates names {unknown[0]}: the objective's parts are {', '.join(parts)}")
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in objective.named_parameters():
            if parameter.requires_grad:
                groups.setdefault(config.relative_rates.get(name.partition(".")[0], 1.0), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "relative_rate": factor} for factor, parameters in groups.items()],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(config.momentum, 0.98),
        )
        folder.mkdir(parents=True, exist_ok=True)
        if resume:
            self._load(objective)
        else:
            (folder / "curve.csv").unlink(missing_ok=True)
        self.model, self.optimizer = accelerator.prepare(objective, self.optimizer)
        self.average = AveragedModel(
            accelerator.unwrap_model(self.model), multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay)
        )
        if resume:
            self.average.module.load_state_dict(load_file(folder / "average.safetensors"))
            self.average.n_averaged.fill_(self.step)

    def run(self, next_batch: Callable[[int], dict[str, Tensor]], time_budget_s: float) -> nn.Module:
        """Trains until the time budget or `max_steps` is used up, saves, and returns the averaged objective."""
        start, base_seconds = time.monotonic(), self.seconds
        last_log = last_save = start
        sums: dict[str, float] = {}
        count = 0
        hidden = None if self.accelerator.is_local_main_process else True
        bar = tqdm(total=int(time_budget_s), unit="s", disable=hidden)
        while self.step < self.config.max_steps and (elapsed := time.monotonic() - start) < time_budget_s:
            rate = self._learning_rate(elapsed / time_budget_s)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["relative_rate"]
            # Noise depends on the step alone, as the data does, so that a resumed run goes on as it would have.
            torch.manual_seed(self.step)
            batch = next_batch(self.step)
            with self.accelerator.autocast():
                losses = self.model(**batch)
            self.accelerator.backward(losses["loss"])
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.average.update_parameters(self.accelerator.unwrap_model(self.model))
            self.step += 1
            count += 1
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.item()
            now = time.monotonic()
            self.seconds = base_seconds + now - start
            is_last = self.step >= self.config.max_steps or now - start >= time_budget_s
            if is_last or now - last_log >= self.LOG_EVERY_S:
                means = {name: value / count for name, value in sums.items()}
                self._log(means, rate)
                bar.set_postfix(step=self.step, **{name: f"{value:.4g}" for name, value in means.items()})
                bar.update(int(now - start) - bar.n)
                sums, count, last_log = {}, 0, now
            if now - last_save >= self.SAVE_EVERY_S:
                self.save()
                last_save = now
        bar.close()
        self.save()
        return self.average.module

    def save(self) -> None:
        """Writes the whole state; each file is replaced as a whole, the step count last."""
        if not self.accelerator.is_main_process:
            return
        state = self.optimizer.state_dict()["state"]
        moments = {f"{index}.{name}": value for index, entry in state.items() for name, value in entry.items()}
        self._write("weights", self.accelerator.unwrap_model(self.model).state_dict())
        self._write("average", self.average.module.state_dict())
        self._write("optimizer", moments)
        partial = self.folder / "state.json.partial"
        partial.write_text(json.dumps({"step": self.step, "seconds": round(self.seconds, 1)}))
        partial.replace(self.folder / "state.json")

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        partial = self.folder / f"{name}.safetensors.partial"
        # Copies, since safetensors refuses tensors that share their memory, as tied embeddings do.
        save_file({key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, partial)
        partial.replace(self.folder / f"{name}.safetensors")

    def _load(self, objective: nn.Module) -> None:
        objective.load_state_dict(load_file(self.folder / "weights.safetensors"))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / "optimizer.safetensors").items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        saved = json.loads((self.folder / "state.json").read_text())
        self.step, self.seconds = saved["step"], saved["seconds"]
        self._cut_curve()

    def _cut_curve(self) -> None:
        """Drops what was logged after the saved step."""
        path = self.folder / "curve.csv"
        if path.is_file():
            head, *rows = path.read_text().splitlines(keepends=True)
            path.write_text("".join([head, *(row for row in rows if int(row.partition(",")[0]) <= self.step)]))

    def _learning_rate(self, progress: float) -> float:
        warmup = min(1.0, (self.step + 1) / self.config.warmup_steps)
        cooldown = min(1.0, (1.0 - progress) / self.config.cooldown) if self.config.cooldown else 1.0
        return self.config.learning_rate * warmup * max(cooldown, 0.0)

    def _log(self, means: dict[str, float], rate: float) -> None:
        path = self.folder / "curve.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(["step", "seconds", "learning_rate", *means])
            writer.writerow([self.step, round(self.seconds, 1), f"{rate:.3g}", *(f"{v:.6g}" for v in means.values())])
