import type { Tensor } from '../../shared/model/tensor.ts';
import { resealed } from '../../shared/testing/chunks.ts';
import type { FakeDevice, Question } from './fake-device.ts';

/** What becomes of a message: an answer of this status, a count of malformed ones, or nothing at all. */
export type Fate = 'invalid' | 'unavailable' | 'malformed' | 'ignored';

export interface BadFrame {
  what: string;
  fate: Fate;
  /** Of the answer, where there is one. */
  sequence: number;
  messages: Buffer[];
}

/** Builds one bad message out of what is right. */
type Recipe = readonly [what: string, fate: Fate, build: (device: FakeDevice, right: Question) => Built];
type Built = Pick<BadFrame, 'sequence' | 'messages'>;

/** Places in a request's header. */
const at = { version: 2, form: 3, crc: 4, rankAndStatus: 19, chunkIndex: 22, step: 24, scale: 40 } as const;

const noImage = {
  partition: 0,
  direction: 'device-first',
  image: { encoding: 'jpeg', file: Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16) },
} as const;

const recipes: readonly Recipe[] = [
  ['NaN in f32', 'invalid', (device, right) => asked(device, { ...right, tensors: right.tensors.map(withNaN) })],
  [
    'NaN in f16',
    'invalid',
    (device, right) => asked(device, { ...right, encoding: 'f16', tensors: right.tensors.map(withNaN) }),
  ],
  ['another shape', 'invalid', (device, right) => asked(device, { ...right, tensors: right.tensors.map(turned) })],
  ['a shorter tensor', 'invalid', (device, right) => asked(device, { ...right, tensors: right.tensors.map(halved) })],
  ['an image that is none', 'invalid', (device, right) => asked(device, { ...right, ...noImage })],
  ['no such exit', 'invalid', (device, right) => asked(device, { ...right, exit: 200 })],
  ['no such partition', 'invalid', (device, right) => asked(device, { ...right, partition: 9999 })],
  ['a status', 'invalid', (device, right) => changed(device, right, (m) => or(m, at.rankAndStatus, 0x10))],
  ['another model', 'unavailable', (device, right) => asked(device, { ...right, digest: `sha256:${'5'.repeat(64)}` })],
  ['cut short', 'malformed', (device, right) => changed(device, right, (m) => resealed(m.subarray(0, -4)))],
  [
    'too long',
    'malformed',
    (device, right) => changed(device, right, (m) => resealed(Buffer.concat([m, new Uint8Array(4)]))),
  ],
  ['half an element', 'malformed', (device, right) => changed(device, right, (m) => resealed(m.subarray(0, -2)))],
  ['no step', 'malformed', (device, right) => changed(device, right, (m) => or(m, at.step, 0x02))],
  ['no such chunk', 'malformed', (device, right) => changed(device, right, (m) => or(m, at.chunkIndex, 0x80))],
  ['the first version', 'malformed', (device, right) => changed(device, right, (m) => set(m, at.version, 1))],
  ['a bit without meaning', 'malformed', (device, right) => changed(device, right, (m) => or(m, at.form, 0x08))],
  [
    'a wrong checksum',
    'malformed',
    (device, right) =>
      changed(device, right, (m) => {
        m.writeUInt32LE((m.readUInt32LE(at.crc) ^ 1) >>> 0, at.crc);
        return m;
      }),
  ],
  [
    'a scale that is none',
    'malformed',
    (device, right) =>
      changed(device, { ...right, encoding: 'u8' }, (m) => {
        m.writeFloatLE(Number.NaN, at.scale);
        return resealed(m);
      }),
  ],
  ['a reply', 'malformed', (device, right) => changed(device, right, (m) => or(m, at.form, 0x01))],
  ['torn off', 'malformed', (device, right) => changed(device, right, (m) => m.subarray(0, 30))],
];

/**
 * @param right what would be answered with a result, in one chunk
 * @returns the n-th bad message, of each kind in turn
 */
export function badFrame(device: FakeDevice, right: Question, n: number): BadFrame {
  const [what, fate, build] = recipes[n % recipes.length] ?? recipes[0] ?? fail();
  return { what, fate, ...build(device, right) };
}

function fail(): never {
  throw new Error('there is no recipe');
}

function asked(device: FakeDevice, question: Question): Built {
  const { sequence, chunks } = device.chunksOf(question);
  return { sequence, messages: chunks };
}

function changed(device: FakeDevice, right: Question, change: (message: Buffer) => Buffer): Built {
  const { sequence, chunks } = device.chunksOf(right);
  return { sequence, messages: chunks.slice(0, 1).map(change) };
}

function set(message: Buffer, place: number, byte: number): Buffer {
  message[place] = byte;
  return resealed(message);
}

function or(message: Buffer, place: number, bits: number): Buffer {
  return set(message, place, (message[place] ?? 0) | bits);
}

function withNaN({ data, dims }: Tensor): Tensor {
  const spoilt = data.slice();
  spoilt[Math.floor(spoilt.length / 2)] = Number.NaN;
  return { data: spoilt, dims };
}

function turned({ data, dims }: Tensor): Tensor {
  return { data, dims: dims.toReversed() };
}

function halved({ data, dims }: Tensor): Tensor {
  const half = Math.floor(data.length / 2);
  return { data: data.subarray(0, half), dims: [...dims.slice(0, -1), half] };
}

/** How bad messages ended. */
export interface Tally {
  /** By what was to become of them. */
  sent: Record<Fate, number>;
  /** What was answered with another status, as text. */
  wrong: string[];
  /** How often what is right was answered with a result meanwhile. */
  served: number;
}

const perRound = 200;

/** Sends bad messages of all kinds, and after every 200 of them what is right, which says that they were dealt with. */
export async function sendBadFrames(device: FakeDevice, right: Question, count: number): Promise<Tally> {
  const tally: Tally = { sent: { invalid: 0, unavailable: 0, malformed: 0, ignored: 0 }, wrong: [], served: 0 };
  for (let first = 0; first < count; first += perRound) {
    const answers: Promise<void>[] = [];
    for (let n = first; n < Math.min(count, first + perRound); n += 1) {
      const { what, fate, sequence, messages } = badFrame(device, right, n);
      tally.sent[fate] += 1;
      if (fate !== 'malformed') answers.push(judge(device, { sequence, what, fate }, tally));
      device.send(messages);
    }
    const stale = asked(device, right);
    const answer = device.answerTo(stale.sequence);
    device.send(stale.messages);
    if ((await answer).header.status === 'ok') tally.served += 1;
    device.send(stale.messages);
    tally.sent.ignored += 1;
    await Promise.all(answers);
  }
  return tally;
}

async function judge(device: FakeDevice, { sequence, what, fate }: Omit<BadFrame, 'messages'>, tally: Tally) {
  const { status } = (await device.answerTo(sequence)).header;
  if (status !== fate) tally.wrong.push(`${what}: ${status}, not ${fate}`);
}

/** Sends messages that were right until something was written into them or torn off; most have a right checksum. */
export function sendMutated(device: FakeDevice, right: readonly Question[], count: number, random: () => number): void {
  const whole = right.flatMap((question) => device.chunksOf(question).chunks);
  for (let n = 0; n < count; n += 1) {
    const message = whole[n % whole.length];
    if (message !== undefined) device.send([mutated(message, random)]);
  }
}

const headerEnd = 60;

export function mutated(message: Buffer, random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const bytes = Buffer.from(message);
  for (let edits = 1 + below(6); edits > 0; edits -= 1) {
    bytes[random() < 0.7 ? below(headerEnd) : below(bytes.length)] = below(256);
  }
  const left = random() < 0.2 ? bytes.subarray(0, below(bytes.length)) : bytes;
  return random() < 0.7 && left.length >= 8 ? resealed(left) : left;
}
