import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKeys, signToken } from '../../shared/protocol/access-token.ts';
import { type RunningBroker, startBareAedes, startGuardedBroker, startMosquitto } from './brokers/broker-processes.ts';
import { enter, type LoadOptions, openLoad } from './brokers/load.ts';
import type { BenchArea, BenchContext, BenchFigure } from './figure.ts';
import { figureOf } from './figure.ts';

const area = 'broker';
const rounds = 15;
/** Rounds before those that count: the compiler has seen every kind of packet then. */
const warmUpRounds = 3;
const roundMs = 400;
/** Of bare Aedes' messages a second, the platform's broker must move at least 90 %. */
const ratioBar = 1 / 0.9;
const idleConnections = 10_000;
const idleBarKib = 20;

const loads = ([0, 1] as const).flatMap((qos) =>
  [1, 16, 64].map((kib) => ({ name: `QoS ${qos}, ${kib} KiB`, qos, bytes: kib * 1024 })),
);

/** Messages a second and memory, beside Aedes without guards and Mosquitto: each in a process, one generator. */
export const brokerArea: BenchArea = {
  name: area,
  description: 'the broker with all its guards beside bare Aedes and Mosquitto, in turns',
  run: measureBrokers,
};

type Name = 'guarded' | 'bare' | 'mosquitto';
type Brokers = { name: Name; broker: RunningBroker }[];

async function measureBrokers(context: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-bench-'));
  const keys = generateSigningKeys();
  const publicKeyFile = join(folder, 'key.pem');
  await writeFile(publicKeyFile, keys.publicKey);
  const passwordOf: LoadOptions['passwordOf'] = (role, id) => signToken(keys.privateKey, { role, id });
  const brokers: Brokers = [];
  const add = (name: Name, broker: RunningBroker | undefined): void => {
    if (broker !== undefined) brokers.push({ name, broker });
  };
  try {
    add('guarded', await startGuardedBroker(publicKeyFile));
    add('bare', await startBareAedes());
    add('mosquitto', await startMosquitto(folder));
    if (brokers.length < 3) context.progress(`${area}: Mosquitto is not installed, and left out`);
    const figures: BenchFigure[] = [];
    for (const load of loads) figures.push(...(await measureLoad({ ...load, passwordOf }, brokers, context)));
    return [...figures, ...(await measureIdle(brokers, passwordOf, context))];
  } finally {
    for (const { broker } of brokers) await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of one round: messages a second, and processor time of the broker for each, µs. */
interface Sample {
  perSecond: number;
  processorUs: number;
}

async function measureLoad(
  load: Omit<LoadOptions, 'url'> & { name: string },
  brokers: Brokers,
  { progress }: BenchContext,
): Promise<BenchFigure[]> {
  const opened = await Promise.all(
    brokers.map(async ({ name, broker }) => ({ name, broker, load: await openLoad({ ...load, url: broker.url }) })),
  );
  const samples = new Map<Name, Sample[]>(brokers.map(({ name }) => [name, []]));
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    // Whoever goes first is another one each time.
    for (let i = 0; i < opened.length; i += 1) {
      const one = opened[(i + round + warmUpRounds) % opened.length];
      if (one === undefined) continue;
      const before = one.broker.processorMs();
      const messages = await one.load.run(roundMs);
      const processorUs = ((one.broker.processorMs() - before) * 1000) / messages;
      if (round >= 0) samples.get(one.name)?.push({ perSecond: (messages * 1000) / roundMs, processorUs });
    }
    if (round >= 0) progress(`${area}: ${load.name}, round ${round + 1} of ${rounds}`);
  }
  for (const one of opened) one.load.close();
  const figures = figuresOf(load.name, samples);
  for (const { name, value, unit } of figures) progress(`${area}: ${name} ${value.toFixed(3)} ${unit}`);
  return figures;
}

function figuresOf(load: string, samples: ReadonlyMap<Name, readonly Sample[]>): BenchFigure[] {
  const guarded = samples.get('guarded') ?? [];
  const bare = samples.get('bare') ?? [];
  const pairs = guarded.map((ours, i) => ({
    ours,
    theirs: bare[i] ?? { perSecond: Number.NaN, processorUs: Number.NaN },
  }));
  const figures = [
    figureOf(
      { area, name: `${load}: bare Aedes’ messages a second by ours`, unit: '×', bar: ratioBar },
      pairs.map(({ ours, theirs }) => theirs.perSecond / ours.perSecond),
    ),
    figureOf(
      { area, name: `${load}: our processor time a message by bare Aedes’`, unit: '×', bar: null },
      pairs.map(({ ours, theirs }) => ours.processorUs / theirs.processorUs),
    ),
  ];
  for (const [name, all] of samples) {
    const title = { guarded: 'ours', bare: 'bare Aedes', mosquitto: 'Mosquitto' }[name];
    figures.push(
      figureOf(
        { area, name: `${load}: ${title}`, unit: 'messages/s', bar: null },
        all.map(({ perSecond }) => perSecond),
      ),
    );
  }
  return figures;
}

/** Memory that each idle connection takes. */
async function measureIdle(
  brokers: Brokers,
  passwordOf: LoadOptions['passwordOf'],
  { progress }: BenchContext,
): Promise<BenchFigure[]> {
  const figures: BenchFigure[] = [];
  for (const { name, broker } of brokers) {
    progress(`${area}: ${idleConnections} idle connections, ${name}`);
    const before = broker.residentKib();
    const sockets: { destroy(): void }[] = [];
    const lane = async (first: number): Promise<void> => {
      for (let i = first; i < idleConnections; i += 50) {
        sockets.push(await enter({ url: broker.url, passwordOf }, 'device', `idle-${i}`));
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, first) => lane(first)));
    const kib = (broker.residentKib() - before) / idleConnections;
    for (const socket of sockets) socket.destroy();
    const bar = name === 'guarded' ? idleBarKib : null;
    figures.push(figureOf({ area, name: `memory of an idle connection: ${name}`, unit: 'KiB', bar }, [kib]));
  }
  return figures;
}
