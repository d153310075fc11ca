import { spawn } from 'node:child_process';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createFrameBuffer } from './frame-buffer.ts';
import type { FrameSource } from './frame-source.ts';

/**
 * Frames of a camera or a video, decoded and scaled by the program ffmpeg, which must be installed.
 * Only the newest frame is kept while another one is being run.
 * @param input ffmpeg's input arguments, e.g. "-f v4l2 -i /dev/video0"
 */
export function createFfmpegSource(
  input: string,
  { width, height }: { width: number; height: number },
  { clock, log }: { clock: Clock; log: Log },
): FrameSource {
  const frameBytes = width * height * 3;
  const args = input.split(/\s+/).filter((word) => word !== '');
  const output = ['-vf', `scale=${width}:${height}`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', ...args, ...output], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const buffer = createFrameBuffer(1);
  let pieces: Buffer[] = [];
  let held = 0;
  let count = 0;
  let closing = false;

  child.stdout.on('data', (data: Buffer) => {
    pieces.push(data);
    held += data.length;
    if (held < frameBytes) return;
    const all = Buffer.concat(pieces);
    const whole = Math.floor(all.length / frameBytes);
    for (let i = 0; i < whole; i += 1) {
      const rgb = new Uint8Array(all.subarray(i * frameBytes, (i + 1) * frameBytes));
      buffer.push({ frame: { rgb, width, height, name: `ffmpeg#${count}` }, arrivedAtMs: clock.nowMs() });
      count += 1;
    }
    const rest = all.subarray(whole * frameBytes);
    pieces = [rest];
    held = rest.length;
  });
  child.on('error', (error) => {
    const advice = 'install ffmpeg, or choose another source';
    buffer.end(
      new FleetError('process-failed', `ffmpeg did not start (${error.message}): ${advice}`, { cause: error }),
    );
  });
  child.on('close', (code) => {
    if (code !== 0 && !closing) log.error({ code }, 'ffmpeg ended');
    const failed = code !== 0 && count === 0 && !closing;
    buffer.end(failed ? new FleetError('process-failed', `ffmpeg gave no frame and ended with ${code}`) : undefined);
  });

  return {
    next: () => buffer.next(),
    close: () =>
      new Promise((resolve) => {
        closing = true;
        if (child.exitCode !== null || child.pid === undefined) return resolve();
        child.once('close', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}
