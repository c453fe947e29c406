// FFmpeg behind wm_video.h: frames by time out of a video, frames into one.
#include "wm_video.h"

#include "../../Loading/shim/shim.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include <sched.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

namespace {

__attribute__((constructor)) void quieten() {
  av_log_set_level(AV_LOG_QUIET);
  setenv("SVT_LOG", "1", 0);
}

// Takes back that SVT-AV1, run as root, makes the thread that opens it and all its own ones real-time threads (FIFO, 99):
// one that then waits in a loop for a lock keeps its owner from running, for ever.
struct KeptScheduling {
  int policy = sched_getscheduler(0);
  sched_param parameters{};

  KeptScheduling() { sched_getparam(0, &parameters); }

  ~KeptScheduling() {
    if (sched_getscheduler(0) == policy) return;
    std::error_code error;
    for (const auto &thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
      pid_t number = atoi(thread.path().filename().c_str());
      if (sched_getscheduler(number) == SCHED_FIFO) sched_setscheduler(number, policy, &parameters);
    }
  }
};

void check(int status, const char *what) {
  if (status >= 0) return;
  char reason[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(status, reason, sizeof reason);
  throw std::runtime_error(std::string(what) + ": " + reason);
}

template <typename Pointer>
Pointer made(Pointer pointer) {
  if (!pointer) throw std::runtime_error("out of memory");
  return pointer;
}

// Quarter turns, counterclockwise, of the matrix by which a camera notes how it was held.
int quarter_turns(const AVStream *stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  auto *found = av_packet_side_data_get(
      stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  const uint8_t *bytes = found ? found->data : nullptr;
  size_t size = found ? found->size : 0;
#else
  size_t size = 0;
  const uint8_t *bytes = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
  int32_t matrix[9];
  if (!bytes || size < sizeof matrix) return 0;
  memcpy(matrix, bytes, sizeof matrix);
  double degrees = av_display_rotation_get(matrix);
  return std::isfinite(degrees) ? (std::lround(degrees / 90) % 4 + 4) % 4 : 0;
}

double seconds(int64_t ticks, AVRational base) { return double(ticks) * base.num / base.den; }

}  // namespace

struct wm_video_s {
  AVFormatContext *container = nullptr;
  AVCodecContext *codec = nullptr;
  /// The frame decoded last, the one before it, and which of them was sought.
  AVFrame *frame = nullptr, *before = nullptr, *chosen = nullptr;
  AVFrame *rgb = nullptr;
  AVPacket *packet = nullptr;
  SwsContext *scaler = nullptr;
  AVStream *stream = nullptr;
  bool has_frame = false, has_before = false;
  int64_t packets = 0;
  /// Where the packet after the last one decoded begins, in decoding time.
  int64_t next_packet = 0;

  ~wm_video_s() {
    sws_freeContext(scaler);
    av_packet_free(&packet);
    av_frame_free(&rgb);
    av_frame_free(&before);
    av_frame_free(&frame);
    avcodec_free_context(&codec);
    avformat_close_input(&container);
  }

  void open(const char *path, int threads) {
    AVDictionary *options = nullptr;
    // A playlist or a concat script could name any other file.
    av_dict_set(&options, "format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", 0);
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    int status = avformat_open_input(&container, (std::string("file:") + path).c_str(), nullptr, &options);
    av_dict_free(&options);
    check(status, "not a video");
    check(avformat_find_stream_info(container, nullptr), "no streams");
    const AVCodec *decoder = nullptr;
    int index = av_find_best_stream(container, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    check(index, "no video stream");
    stream = container->streams[index];
    // FFmpeg's own AV1 decoder needs a graphics card; dav1d does not.
    if (stream->codecpar->codec_id == AV_CODEC_ID_AV1) decoder = avcodec_find_decoder_by_name("libdav1d");
    if (!decoder) decoder = avcodec_find_decoder(stream->codecpar->codec_id);
    if (!decoder)
      throw std::runtime_error(std::string("no decoder for ") + avcodec_get_name(stream->codecpar->codec_id));
    codec = made(avcodec_alloc_context3(decoder));
    check(avcodec_parameters_to_context(codec, stream->codecpar), "bad stream");
    codec->pkt_timebase = stream->time_base;
    codec->thread_count = threads;
    codec->max_pixels = int64_t(1) << 26;
    check(avcodec_open2(codec, decoder, nullptr), "no decoder");
    frame = made(av_frame_alloc());
    before = made(av_frame_alloc());
    rgb = made(av_frame_alloc());
    packet = made(av_packet_alloc());
    for (unsigned i = 0; i < container->nb_streams; i++)
      if (int(i) != index) container->streams[i]->discard = AVDISCARD_ALL;
  }

  double time_of(const AVFrame *shown) const { return seconds(shown->best_effort_timestamp, stream->time_base); }

  /// Decodes the next frame in presentation order; false at the end.
  bool advance() {
    std::swap(frame, before);
    has_before = has_frame;
    has_frame = false;
    while (true) {
      int status = avcodec_receive_frame(codec, frame);
      if (status == 0) return has_frame = true;
      if (status == AVERROR_EOF) return false;
      if (status != AVERROR(EAGAIN)) check(status, "a frame is damaged");
      status = av_read_frame(container, packet);
      if (status == AVERROR_EOF) {
        avcodec_send_packet(codec, nullptr);
        continue;
      }
      check(status, "the file is damaged");
      next_packet = packet->dts + std::max<int64_t>(packet->duration, 1);
      int sent = packet->stream_index == stream->index ? avcodec_send_packet(codec, packet) : 0;
      av_packet_unref(packet);
      check(sent, "a frame is damaged");
      packets++;
    }
  }

  void jump(double time) {
    auto ticks = int64_t(std::floor(time * stream->time_base.den / stream->time_base.num));
    if (av_seek_frame(container, stream->index, ticks, AVSEEK_FLAG_BACKWARD) < 0)
      check(av_seek_frame(container, stream->index, INT64_MIN, AVSEEK_FLAG_BACKWARD), "cannot seek to the start");
    avcodec_flush_buffers(codec);
    has_frame = has_before = false;
  }

  /// Whether a jump to `time` would save packets: not if its key frame is the next packet, or was decoded already.
  bool jump_helps(double time) const {
    if (!has_frame || time < time_of(frame)) return true;
    auto ticks = int64_t(std::floor(time * stream->time_base.den / stream->time_base.num));
    auto *entry = avformat_index_get_entry_from_timestamp(stream, ticks, AVSEEK_FLAG_BACKWARD);
    return entry && entry->timestamp > next_packet;
  }

  /// Leaves the frame nearest to `time` in `chosen`, the earlier of two, whatever was decoded before; false if it is
  /// outside the tolerance.
  bool seek(double time, double tolerance, double *found) {
    *found = NAN;
    chosen = nullptr;
    // Frames lie on ticks: none is nearer than one within half a tick.
    double half = seconds(1, stream->time_base) / 2;
    bool between = has_frame && (std::abs(time_of(frame) - time) < half ||
                                 (has_before && time_of(before) <= time && time <= time_of(frame)));
    if (!between && jump_helps(time + half)) jump(time + half);
    // Containers index decoding times: with reordered frames the jump can land too late, so step back further.
    for (double back = 0.5;; back *= 4) {
      while ((!has_frame || time_of(frame) <= time - half) && advance()) {
      }
      bool late = has_frame && !has_before && time_of(frame) >= time + half;
      if (!late || time - back < -4096) break;
      jump(std::max(0.0, time - back));
      if (time - back < 0) back = 1e9;
    }
    if (has_frame) chosen = frame;
    if (has_before && (!chosen || std::abs(time_of(before) - time) <= std::abs(time_of(frame) - time))) chosen = before;
    if (!chosen) return false;
    *found = time_of(chosen);
    return std::abs(*found - time) <= tolerance;
  }
};

struct wm_video_writer_s {
  AVFormatContext *container = nullptr;
  AVCodecContext *codec = nullptr;
  AVFrame *frame = nullptr, *rgb = nullptr;
  AVPacket *packet = nullptr;
  SwsContext *scaler = nullptr;
  AVStream *stream = nullptr;
  int64_t count = 0;

  ~wm_video_writer_s() {
    sws_freeContext(scaler);
    av_packet_free(&packet);
    av_frame_free(&rgb);
    av_frame_free(&frame);
    avcodec_free_context(&codec);
    if (container) avio_closep(&container->pb);
    avformat_free_context(container);
  }

  AVFrame *allocate(AVPixelFormat format) {
    AVFrame *made_frame = made(av_frame_alloc());
    made_frame->format = format;
    made_frame->width = codec->width;
    made_frame->height = codec->height;
    int status = av_frame_get_buffer(made_frame, 0);
    if (status < 0) av_frame_free(&made_frame);
    check(status, "no memory for a frame");
    return made_frame;
  }

  void open(const char *path, const wm_video_settings &settings) {
    const AVCodec *encoder = avcodec_find_encoder_by_name(settings.encoder);
    if (!encoder) throw std::runtime_error(std::string("this FFmpeg has no encoder ") + settings.encoder);
    check(avformat_alloc_output_context2(&container, nullptr, "mp4", path), "no MP4 writer");
    codec = made(avcodec_alloc_context3(encoder));
    codec->width = settings.width;
    codec->height = settings.height;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->time_base = {settings.rate_denominator, settings.rate_numerator};
    codec->framerate = {settings.rate_numerator, settings.rate_denominator};
    codec->gop_size = settings.key_interval;
    codec->thread_count = settings.threads;
    codec->colorspace = AVCOL_SPC_SMPTE170M;
    codec->color_range = AVCOL_RANGE_MPEG;
    auto quality = std::to_string(settings.quality), name = std::string(settings.encoder);
    if (name == "libx264" || name == "libx265" || name == "libsvtav1")
      av_opt_set(codec->priv_data, "crf", quality.c_str(), 0);
    // In small images x264's macroblock tree reads uninitialized memory, and equal frames encode to different bytes.
    if (name == "libx264") av_opt_set(codec->priv_data, "mbtree", "0", 0);
    if (name == "libx265") {
      auto parameters = "log-level=none:pools=" + std::to_string(std::max(1, int(settings.threads)));
      av_opt_set(codec->priv_data, "x265-params", parameters.c_str(), 0);
    }
    if (name == "libsvtav1") {
      av_opt_set(codec->priv_data, "preset", "12", 0);
      av_opt_set(codec->priv_data, "svtav1-params", ("lp=" + std::to_string(settings.threads)).c_str(), 0);
    }
    if (name == "mpeg4") {
      codec->flags |= AV_CODEC_FLAG_QSCALE;
      codec->global_quality = FF_QP2LAMBDA * 4;
    }
    if (container->oformat->flags & AVFMT_GLOBALHEADER) codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    {
      // The first encoders to open set up what all of a library share.
      static std::mutex opening;
      std::lock_guard guard(opening);
      KeptScheduling scheduling;
      check(avcodec_open2(codec, encoder, nullptr), "no encoder for these settings");
    }
    stream = made(avformat_new_stream(container, nullptr));
    stream->time_base = codec->time_base;
    stream->avg_frame_rate = codec->framerate;
    check(avcodec_parameters_from_context(stream->codecpar, codec), "no encoder for these settings");
    frame = allocate(AV_PIX_FMT_YUV420P);
    rgb = allocate(AV_PIX_FMT_RGB24);
    packet = made(av_packet_alloc());
    scaler = made(sws_getContext(codec->width, codec->height, AV_PIX_FMT_RGB24, codec->width, codec->height,
                                 AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr, nullptr));
    check(avio_open(&container->pb, path, AVIO_FLAG_WRITE), "no file");
    AVDictionary *options = nullptr;
    av_dict_set(&options, "movflags", "+faststart", 0);
    int status = avformat_write_header(container, &options);
    av_dict_free(&options);
    check(status, "no header");
  }

  void encode(AVFrame *image) {
    check(avcodec_send_frame(codec, image), "a frame could not be encoded");
    while (true) {
      int status = avcodec_receive_packet(codec, packet);
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      check(status, "a frame could not be encoded");
      // Some encoders omit it; the last frame would then have no duration.
      if (packet->duration == 0) packet->duration = 1;
      av_packet_rescale_ts(packet, codec->time_base, stream->time_base);
      packet->stream_index = stream->index;
      check(av_interleaved_write_frame(container, packet), "the file could not be written");
    }
  }

  void write(const uint8_t *pixels) {
    check(av_frame_make_writable(frame), "no memory for a frame");
    for (int row = 0; row < codec->height; row++)
      memcpy(rgb->data[0] + ptrdiff_t(row) * rgb->linesize[0], pixels + size_t(row) * 3 * codec->width,
             size_t(3) * codec->width);
    sws_scale(scaler, rgb->data, rgb->linesize, 0, codec->height, frame->data, frame->linesize);
    frame->pts = count++;
    encode(frame);
  }

  void finish() {
    encode(nullptr);
    check(av_write_trailer(container), "the file could not be written");
    check(container->pb->error, "the file could not be written");
    check(avio_closep(&container->pb), "the file could not be written");
  }
};

EXPORT const char *wm_video_last_error(void) { return last_error_text.c_str(); }

EXPORT const char *wm_video_version(void) { return av_version_info(); }

EXPORT wm_video wm_video_open(const char *path, int32_t threads, wm_video_info *info) {
  return guarded<wm_video>(nullptr, [&]() -> wm_video {
    auto video = std::make_unique<wm_video_s>();
    video->open(path, threads);
    auto *codec = video->codec;
    info->width = codec->width;
    info->height = codec->height;
    info->frames_per_second = av_q2d(video->stream->avg_frame_rate);
    info->duration = video->stream->duration != AV_NOPTS_VALUE
                         ? seconds(video->stream->duration, video->stream->time_base)
                         : double(std::max<int64_t>(0, video->container->duration)) / AV_TIME_BASE;
    const char *format = av_get_pix_fmt_name(codec->pix_fmt);
    info->quarter_turns = quarter_turns(video->stream);
    snprintf(info->codec, sizeof info->codec, "%s", avcodec_get_name(codec->codec_id));
    snprintf(info->pixel_format, sizeof info->pixel_format, "%s", format ? format : "unknown");
    return video.release();
  });
}

EXPORT int wm_video_seek(wm_video video, double time, double tolerance, double *found) {
  return guarded(-1, [&] {
    bool hit = video->seek(time, tolerance, found);
    if (hit && (video->chosen->decode_error_flags || video->chosen->flags & AV_FRAME_FLAG_CORRUPT))
      throw std::runtime_error("the frame is damaged");
    return hit ? 1 : 0;
  });
}

EXPORT int64_t wm_video_packets(wm_video video) { return video->packets; }

EXPORT int wm_video_pixels(wm_video video, uint8_t *pixels, size_t capacity) {
  return guarded(-1, [&] {
    AVFrame *frame = video->chosen, *rgb = video->rgb;
    if (!frame) throw std::runtime_error("no frame was found yet");
    size_t stride = size_t(3) * frame->width;
    if (capacity != stride * frame->height) throw std::runtime_error("the frame's size differs from the video's");
    if (!rgb->data[0] || rgb->width != frame->width || rgb->height != frame->height) {
      av_frame_unref(rgb);
      rgb->format = AV_PIX_FMT_RGB24;
      rgb->width = frame->width;
      rgb->height = frame->height;
      check(av_frame_get_buffer(rgb, 0), "no memory for a frame");
    }
    video->scaler = made(sws_getCachedContext(
        video->scaler, frame->width, frame->height, AVPixelFormat(frame->format), frame->width, frame->height,
        AV_PIX_FMT_RGB24, SWS_BILINEAR, nullptr, nullptr, nullptr));
    int full = frame->color_range == AVCOL_RANGE_JPEG;
    sws_setColorspaceDetails(video->scaler, sws_getCoefficients(frame->colorspace), full,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    sws_scale(video->scaler, frame->data, frame->linesize, 0, frame->height, rgb->data, rgb->linesize);
    for (int row = 0; row < frame->height; row++)
      memcpy(pixels + row * stride, rgb->data[0] + ptrdiff_t(row) * rgb->linesize[0], stride);
    return 0;
  });
}

EXPORT int64_t wm_video_planes(wm_video video, uint8_t *planes, size_t capacity) {
  return guarded<int64_t>(-1, [&]() -> int64_t {
    AVFrame *frame = video->chosen;
    if (!frame) throw std::runtime_error("no frame was found yet");
    auto format = AVPixelFormat(frame->format);
    int size = av_image_get_buffer_size(format, frame->width, frame->height, 1);
    check(size, "no planes");
    if (planes) {
      check(av_image_copy_to_buffer(planes, int(std::min<size_t>(capacity, INT_MAX)), frame->data, frame->linesize,
                                    format, frame->width, frame->height, 1),
            "no memory for the planes");
    }
    return size;
  });
}

EXPORT void wm_video_close(wm_video video) { delete video; }

EXPORT int wm_video_has_encoder(const char *name) { return avcodec_find_encoder_by_name(name) != nullptr; }

EXPORT wm_video_writer wm_video_create(const char *path, const wm_video_settings *settings) {
  return guarded<wm_video_writer>(nullptr, [&]() -> wm_video_writer {
    auto writer = std::make_unique<wm_video_writer_s>();
    writer->open(path, *settings);
    return writer.release();
  });
}

EXPORT int wm_video_write(wm_video_writer writer, const uint8_t *pixels) {
  return guarded(-1, [&] {
    writer->write(pixels);
    return 0;
  });
}

EXPORT int64_t wm_video_position(wm_video_writer writer) { return avio_tell(writer->container->pb); }

EXPORT int wm_video_finish(wm_video_writer writer) {
  std::unique_ptr<wm_video_writer_s> owned(writer);
  return guarded(-1, [&] {
    owned->finish();
    return 0;
  });
}

EXPORT void wm_video_discard(wm_video_writer writer) { delete writer; }
