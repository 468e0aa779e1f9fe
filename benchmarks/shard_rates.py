"""At what rate does one core take a pool through each step, so that docs/scale.md can multiply?

CPU seconds of one thread, as torch.set_num_threads(1) and the process's own clock count them, so that other load on the
machine changes little; the best of three. Weights are drawn at random: they change no time.

    python benchmarks/shard_rates.py        two minutes; needs pyarrow
"""

from __future__ import annotations

import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
from PIL import Image
from results import record

from activeloop import predictions
from activeloop.geometry.neighbours import neighbours
from activeloop.selectors import k_center
from activeloop.selectors.k_center_sharded import core_set
from activeloop.shards.pick import picks
from activeloop.shards.tables import open_table


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds, the least."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def decoding() -> tuple[str, str, str]:
    """JPEGs of 500 x 375, what ImageNet's are like, scaled to 224."""
    from activeloop.data.pixels import open_image

    chance = np.random.default_rng(0)
    small = Image.fromarray(
        chance.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    )  # smooth when enlarged, as photographs are
    file = BytesIO()
    small.resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    encoded = file.getvalue()
    took = seconds(lambda: [open_image(BytesIO(encoded), 224) for _ in range(50)])
    return "decode a JPEG 500 x 375, scale to 224", f"{50 / took:,.0f} images", f"{len(encoded) / 1e3:.0f} kB each"


def embedding() -> tuple[str, str, str]:
    from torchvision.models import resnet18

    net, images = resnet18(weights=None).eval(), torch.randn(16, 3, 224, 224)
    with torch.inference_mode():
        took = seconds(lambda: net(images))
    return (
        "embed by resnet18, 224 x 224",
        f"{16 / took:,.0f} images",
        f"{3.6 * 16 / took:,.0f} GFLOP/s: 3.6 GFLOP an image",
    )


def scoring(folder: Path) -> list[tuple[str, str, str]]:
    rows, chance = 1_000_000, np.random.default_rng(0)
    probs = chance.dirichlet(np.ones(10), rows).astype(np.float32)
    np.save(folder / "P.npy", probs)
    flat = pyarrow.FixedSizeListArray.from_arrays(probs.ravel(), 10)
    pyarrow.parquet.write_table(pyarrow.table({"probs": flat}), folder / "P.parquet", row_group_size=100_000)
    table = open_table(folder / "P.parquet", "probs")
    reading = seconds(lambda: table.read(slice(0, rows)))
    score = seconds(lambda: predictions.score("entropy", {"probs": probs}))
    both = seconds(lambda: picks("entropy", {"probs": table}, 10_000), 1)
    size = (folder / "P.parquet").stat().st_size / rows
    return [
        ("read 10 probabilities from Parquet", f"{rows / reading:,.0f} rows", f"{size:.0f} bytes a row on disk"),
        ("score by entropy, 10 classes", f"{rows / score:,.0f} rows", "40 bytes a row"),
        ("read, score and pick 10,000 over shards", f"{rows / both:,.0f} rows", "of 262,144 rows each"),
    ]


def covering() -> list[tuple[str, str, str]]:
    """A shard of the sizes that docs/scale.md takes, on a mixture of Gaussians as benchmarks/k_center.py has them."""
    from k_center import mixture

    features = torch.cat(list(mixture(65_536, 512)))
    labels = torch.full((len(features),), -1)
    took = seconds(lambda: core_set(features, labels, features[:0], 1_000, 0, "euclidean"), 1)
    union = features[:50_000]
    merged = seconds(lambda: k_center(union, labels[:50_000], 1_000, np.random.default_rng(0)), 1)
    return [
        (
            "k-center in a shard of 65,536 x 512, 1,000 picks",
            f"{len(features) / took:,.0f} rows",
            f"{took:.1f} s a shard",
        ),
        ("k-center of a union of 50,000 x 512, 1,000 picks", f"{50_000 / merged:,.0f} rows", f"{merged:.1f} s"),
    ]


def near() -> tuple[str, str, str]:
    features = torch.randn(16_384, 512)
    took = seconds(lambda: neighbours(features, 10), 1)
    rate = 2 * 16_384**2 * 512 / took / 1e9
    return (
        "exact neighbours, 16,384 x 512, k = 10",
        f"{16_384 / took:,.0f} rows",
        f"{rate:,.0f} GFLOP/s: 2 m² D operations",
    )


def choosing() -> tuple[str, str, str]:
    from activeloop.pick import pick

    scores = np.random.default_rng(0).random(10_000_000)
    took = seconds(lambda: pick(scores, np.ones(len(scores), bool), 10_000, np.random.default_rng(0)), 1)
    return (
        "top 10,000 of 10 million scores in one place",
        f"{len(scores) / took:,.0f} rows",
        "a permutation for ties, 24 bytes a row",
    )


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        found = [decoding(), embedding(), *scoring(Path(folder)), choosing(), *covering(), near()]
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    table = [
        "| step | a second and core | what it moves |",
        "|---|---|---|",
        *(f"| {' | '.join(each)} |" for each in found),
    ]
    record(
        __file__,
        f"{date.today()}, {model or platform.machine()}, torch {torch.__version__}, one thread.\n\n" + "\n".join(table),
    )


if __name__ == "__main__":
    main()
