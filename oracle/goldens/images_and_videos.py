"""Writes images with Pillow and videos with PyAV, and the pixels that Pillow, PyAV and torchcodec read from them.

Usage: python -m oracle.goldens.images_and_videos FOLDER

Packages: pillow==13.0.0 av==15.1.0 torchcodec==0.13.0 numpy==2.2.6
"""

import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image, PngImagePlugin
from torchcodec.decoders import VideoDecoder

av.logging.set_level(av.logging.PANIC)
WIDTH, HEIGHT, FRAMES = 48, 32, 24


def smooth(frame: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    channels = [120 + 100 * np.sin(x / 9 + frame / 5), 4 * y + 3 * frame, 128 + 90 * np.cos((x + y) / 11 - frame / 4)]
    return np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8)


def stills(folder: Path) -> None:
    rng = np.random.default_rng(3)
    rgb = Image.fromarray(rng.integers(0, 256, (13, 17, 3), dtype=np.uint8))
    alpha = Image.fromarray(rng.integers(0, 256, (13, 17), dtype=np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (100000).to_bytes(4, "big"))
    palette = rgb.quantize(16)
    images = {
        "rgb": (rgb, {}),
        "rgba": (rgba, {}),
        "gray": (rgb.convert("L"), {}),
        "gray_alpha": (rgba.convert("LA"), {}),
        "palette": (palette, {}),
        "palette_clear": (palette, {"transparency": 2}),
        "bits": (rgb.convert("1"), {}),
        "gamma": (rgb, {"pnginfo": gamma}),
    }
    for name, (image, options) in images.items():
        image.save(folder / f"{name}.png", **options)
        (folder / f"{name}.png.rgb").write_bytes(Image.open(folder / f"{name}.png").convert("RGB").tobytes())
    scene = Image.fromarray(smooth(0))
    for name, options in {
        "scene": {"quality": 90},
        "scene444": {"quality": 75, "subsampling": 0},
        "progressive": {"progressive": True},
    }.items():
        scene.save(folder / f"{name}.jpg", **options)
        (folder / f"{name}.jpg.rgb").write_bytes(Image.open(folder / f"{name}.jpg").convert("RGB").tobytes())
    scene.convert("L").save(folder / "gray.jpg")
    (folder / "gray.jpg.rgb").write_bytes(Image.open(folder / "gray.jpg").convert("RGB").tobytes())


def video(folder: Path, name: str, codec: str, options: dict[str, str], colorspace: int | None = None) -> None:
    path = folder / f"{name}.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, 10, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        for index in range(FRAMES):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(smooth(index), format="rgb24")))
        output.mux(stream.encode())
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [frame.time for frame in frames]
    assert np.allclose(times, np.arange(FRAMES) / 10, atol=1e-6), times
    shown = [0, 1, 10, 13, 23]
    (folder / f"{name}.yuv").write_bytes(b"".join(frames[index].to_ndarray().tobytes() for index in shown))
    decoded = VideoDecoder(str(path)).get_frames_at(shown).data.permute(0, 2, 3, 1).contiguous().numpy()
    (folder / f"{name}.rgb").write_bytes(decoded.tobytes())
    by_pyav = np.stack([frames[index].to_ndarray(format="rgb24") for index in shown])
    print(name, "torchcodec against PyAV, largest difference:", np.abs(decoded.astype(int) - by_pyav).max())


def main(folder: Path) -> None:
    stills(folder)
    video(folder, "av1", "libsvtav1", {"g": "2", "crf": "30", "preset": "12"})
    video(folder, "av1_long", "libsvtav1", {"g": "20", "crf": "40", "preset": "12"})
    # With AVX-512 PyAV's x264 gives other bytes from run to run; with AVX its x265 corrupts the heap.
    video(folder, "h264", "h264", {"g": "2", "crf": "30", "x264-params": "asm=avx2"})
    video(
        folder, "h264_b", "h264", {"g": "12", "crf": "30", "bf": "3", "x264-params": "asm=avx2:scenecut=0:open-gop=0"}
    )
    video(folder, "hevc", "hevc", {"g": "12", "crf": "30", "x265-params": "asm=sse4.2:bframes=3:log-level=none"})
    video(folder, "h264_709", "h264", {"g": "12", "crf": "30", "x264-params": "asm=avx2"}, colorspace=1)
    print(sum(file.stat().st_size for file in folder.iterdir()) // 1000, "kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
