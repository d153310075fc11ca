import { createMqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import type { Tensor } from '../../shared/model/tensor.ts';
import { type Envelope, type ImageFile, imageChunksOf } from '../../shared/protocol/chunking.ts';
import { createReassembler } from '../../shared/protocol/reassembly.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { type ChunkHeader, type Direction, openChunk } from '../../shared/protocol/tensor-frame.ts';
import { deviceTopic, offloadTopic, replyTopic } from '../../shared/protocol/topics.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { buildChunks } from '../../shared/testing/chunks.ts';

/** What a device asks of a worker. */
export interface Question {
  digest: string;
  /** 1..M */
  exit: number;
  partition: number;
  tensors: readonly Tensor[];
  kind?: 'request' | 'probe';
  encoding?: Encoding;
  /** Sent in place of the tensors. */
  image?: ImageFile;
  direction?: Direction;
  timeLeftMs?: number;
}

export interface Answer {
  header: ChunkHeader;
  tensors: Tensor[];
}

/** A device that does nothing of its own accord. */
export interface FakeDevice {
  /** @returns the messages of a question, not sent yet */
  chunksOf(question: Question): { sequence: number; chunks: Buffer[] };
  /** Sends messages as they are. */
  send(chunks: readonly Buffer[]): void;
  /** Resolves with the answer to a question. */
  answerTo(sequence: number): Promise<Answer>;
  /** Sends a question. @returns its answer */
  ask(question: Question): Promise<Answer>;
  /** Resolves when the broker has everything that was sent. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeDeviceOptions {
  brokerUrl: string;
  id: string;
  token: string;
  worker: string;
}

export async function connectFakeDevice({ brokerUrl, id, token, worker }: FakeDeviceOptions): Promise<FakeDevice> {
  const connection = createMqttConnection({ url: brokerUrl, id, token, log: createLog('fake-device', 'warn') });
  const reassembler = createReassembler({ maxBytesPerSender: 1 << 24, maxAgeMs: 60_000 });
  const waiting = new Map<number, (answer: Answer) => void>();
  let sequence = 0;
  connection.subscribe(replyTopic(id, worker), (_topic, payload) => {
    const assembled = reassembler.accept(worker, openChunk(payload), performance.now());
    if (assembled === undefined) return;
    waiting.get(assembled.header.sequence)?.(assembled);
    waiting.delete(assembled.header.sequence);
  });
  await connection.ready(5000);
  const flushed = async (): Promise<void> => {
    const presence = JSON.stringify({ schema: 1, online: true, boot: 7 });
    await connection.publishAcknowledged(deviceTopic(id, 'presence'), presence, { retain: true });
  };
  // Its subscription stands before this is acknowledged.
  await flushed();

  const device: FakeDevice = {
    chunksOf(question) {
      sequence += 1;
      const envelope = envelopeOf(question, sequence);
      const { image, tensors } = question;
      if (image === undefined) return { sequence, chunks: buildChunks(envelope, tensors) };
      return { sequence, chunks: [...imageChunksOf(envelope, image)].map((pieces) => Buffer.concat(pieces)) };
    },
    send(chunks) {
      for (const chunk of chunks) connection.publish(offloadTopic(id, worker), [chunk]);
    },
    answerTo: (wanted) => new Promise((resolve) => waiting.set(wanted, resolve)),
    ask(question) {
      const { sequence: own, chunks } = device.chunksOf(question);
      const answer = device.answerTo(own);
      device.send(chunks);
      return answer;
    },
    flushed,
    close: () => connection.close(),
  };
  return device;
}

function envelopeOf(question: Question, sequence: number): Envelope {
  const { digest, exit, partition, kind = 'request', encoding = 'f32', direction = 'device-first' } = question;
  return {
    kind,
    boot: 7,
    sequence,
    model: digest.slice('sha256:'.length, 'sha256:'.length + 16),
    exit,
    partition,
    direction,
    encoding,
    timeLeftUs: Math.round((question.timeLeftMs ?? 10_000) * 1000),
    status: 'ok',
  };
}
