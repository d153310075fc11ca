import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { toEnvironment } from '../../shared/runtime/config.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { dataOption, findData } from '../data-folder.ts';
import { examples, logLevelOption, numberBetween, plan } from '../options.ts';
import { mainScript } from '../platform/platform.ts';
import { runComponent } from '../platform/run-component.ts';
import { type WhyOptions, whyCommand } from './device-why.ts';

interface DeviceRunOptions {
  id: string;
  controlPlane: string;
  broker?: string;
  enrolmentToken?: string;
  images?: string;
  data: string;
  ffmpeg?: string;
  socket?: string;
  fps: number;
  frames: number;
  plan?: string;
  processorFactor: number;
  publishResults: boolean;
  state?: string;
  logLevel: LogLevel;
}

/** `edgent device`: the agent of one device. */
export function deviceCommand(inherited: Record<string, string | undefined>): Command {
  const run = new Command('run')
    .description('run the device agent here: one JSON object a line for each frame')
    .requiredOption('--id <name>', 'name of this device in the fleet')
    .option('--control-plane <url>', 'address of the control plane', 'http://127.0.0.1:8080')
    .option('--broker <url>', 'broker, if another than the control plane names')
    .option('--enrolment-token <token>', 'needed once, to register this device')
    .option('--images <path>', 'frames from a CIFAR-10 file or a folder of PNG/JPEG')
    .addOption(dataOption())
    .option('--ffmpeg <arguments>', 'frames from ffmpeg: its input arguments')
    .option('--socket <path>', 'frames from applications that call this Unix socket')
    .option('--fps <n>', 'frames a second from a file or folder', numberBetween(0.01, 1000), 5)
    .option('--frames <n>', 'stop after so many; 0: never', numberBetween(0, 1e9, 'integer'), 0)
    .option('--plan <exit,partition[,encoding[,direction]]>', 'force a plan that the policy allows', plan)
    .option('--processor-factor <k>', 'emulate a processor so many times slower', numberBetween(1, 1000), 1)
    .option('--publish-results', 'publish each result on the results topic', false)
    .option('--state <folder>', 'credentials, configuration and models (default: .edgent/device-<id>)')
    .addOption(logLevelOption('of the agent'))
    .addHelpText(
      'after',
      examples(
        'edgent device run --id cam-1 --enrolment-token "$(cat .edgent/up/control-plane/enrolment-token)" --images ../shared/data/cifar10/test-1000.bin',
        'edgent device run --id cam-1 --ffmpeg "-f v4l2 -i /dev/video0"',
        'edgent device run --id cam-1 --socket /run/edgent.sock',
      ),
    )
    .action(async (options: DeviceRunOptions) => {
      process.exitCode = await runComponent(mainScript('device-agent'), { ...inherited, ...environmentOf(options) });
    });
  return new Command('device')
    .addCommand(run)
    .addCommand(whyCommandLine())
    .addHelpText(
      'after',
      examples(
        'edgent device run --id cam-1 --images photos',
        'edgent device run --help',
        'edgent device why --id cam-1',
      ),
    );
}

function whyCommandLine(): Command {
  return new Command('why')
    .description('the last decisions of a device of this machine, each with what it was made on')
    .option('--id <name>', 'a device of `edgent device run` or `edgent start`, run from this folder')
    .option('--data-folder <folder>', 'where the device keeps its data')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      examples('edgent device why --id cam-1', 'edgent device why --data-folder .edgent/start/devices/device-1 --json'),
    )
    .action((options: WhyOptions) => whyCommand(options));
}

function environmentOf(options: DeviceRunOptions): Record<string, string> {
  return toEnvironment({
    id: options.id,
    controlPlaneUrl: options.controlPlane,
    brokerUrl: options.broker,
    enrolmentToken: options.enrolmentToken,
    dataFolder: resolve(options.state ?? join('.edgent', `device-${options.id}`)),
    source: sourceOf(options),
    framesPerSecond: options.fps,
    maxFrames: options.frames,
    plan: options.plan,
    processorFactor: options.processorFactor,
    publishResults: options.publishResults,
    logLevel: options.logLevel,
  });
}

function sourceOf({ images, data, ffmpeg, socket }: DeviceRunOptions): string {
  if (ffmpeg !== undefined) return `ffmpeg:${ffmpeg}`;
  if (socket !== undefined) return `socket:${resolve(socket)}`;
  return images === undefined ? 'synthetic' : findData('--images', images, data);
}
