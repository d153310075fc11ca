import { statSync } from 'node:fs';
import { readCifar10 } from '../../shared/adapters/cifar10.ts';
import { readImageFolder } from '../../shared/adapters/images.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { Manifest } from '../../shared/model/manifest.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createFfmpegSource } from './ffmpeg-source.ts';
import type { FrameSource } from './frame-source.ts';
import { createPacedSource } from './paced-source.ts';
import { createSocketSource } from './socket-source.ts';
import { drawFrame } from './synthetic-frame.ts';

export interface FrameSourceOptions {
  /** As the configuration names it. */
  source: string;
  framesPerSecond: number;
  firstFrame: number;
  manifest: Manifest;
  clock: Clock;
  log: Log;
}

/** @throws {FleetError} `image-unreadable`, `data-missing` */
export async function openFrameSource(options: FrameSourceOptions): Promise<FrameSource> {
  const { source, manifest, framesPerSecond, clock, log } = options;
  const size = manifest.preprocessing.resize;
  if (source.startsWith('ffmpeg:')) return createFfmpegSource(source.slice('ffmpeg:'.length), size, { clock, log });
  if (source.startsWith('socket:')) return createSocketSource(source.slice('socket:'.length), { clock, log });
  const pick = source === 'synthetic' ? drawFrame(size) : await stored(options);
  return createPacedSource(pick, framesPerSecond, clock);
}

/** All frames of a file or folder in turn, then again from its start. */
async function stored({ source, firstFrame, manifest }: FrameSourceOptions): Promise<(index: number) => Frame> {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw new FleetError('data-missing', `${source} does not exist`);
  const frames: Frame[] = [];
  if (stats.isDirectory()) {
    for await (const frame of readImageFolder(source, manifest.labels)) frames.push(frame);
  } else {
    frames.push(...(await readCifar10(source)));
  }
  return (index) => {
    const frame = frames[(firstFrame + index) % frames.length];
    if (frame === undefined) throw new FleetError('image-unreadable', `${source} holds no frame`);
    return frame;
  };
}
