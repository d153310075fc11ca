import type { MqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import { createUnderWay } from '../../shared/adapters/under-way.ts';
import type { Tensor } from '../../shared/model/tensor.ts';
import { type Assembled, createReassembler } from '../../shared/protocol/reassembly.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { openChunk, type ReplyStatus, type WorkerReport } from '../../shared/protocol/tensor-frame.ts';
import { replyTopic } from '../../shared/protocol/topics.ts';
import { buildChunks } from '../../shared/testing/chunks.ts';

/** A worker at the other end of a connection, which says and does what the test tells it. */
export interface ScriptedWorker {
  /** For the device: what it sends is here at once. */
  readonly connection: MqttConnection;
  /** Requests that came, oldest first. */
  readonly requests: readonly Assembled[];
  /** Resolves with the first request, also when it has come already. */
  firstRequest(): Promise<Assembled>;
  /** @returns the messages of the answer to a request, not sent yet */
  answer(request: Assembled, reply: Reply): Buffer[];
  deliver(messages: readonly Buffer[]): void;
  /** From now on the broker gives no sign that it reads, as behind a link that carries nothing; what is sent is here all the same. */
  stall(): void;
  /** The device's connection is lost. */
  disconnect(): void;
}

export interface Reply {
  status?: ReplyStatus;
  /** None: one without elements. */
  tensors?: readonly Tensor[];
  encoding?: Encoding;
  report?: WorkerReport;
}

export function createScriptedWorker({ device, worker }: { device: string; worker: string }): ScriptedWorker {
  const reassembler = createReassembler({ maxBytesPerSender: 1 << 24, maxAgeMs: 60_000 });
  const handlers = new Map<string, (topic: string, payload: Buffer, retained: boolean) => void>();
  const requests: Assembled[] = [];
  const disconnectHandlers: (() => void)[] = [];
  let tellFirst: (request: Assembled) => void = () => undefined;
  const first = new Promise<Assembled>((resolve) => {
    tellFirst = resolve;
  });
  const topic = replyTopic(device, worker);
  let [stalled, lost] = [false, false];
  const underWay = createUnderWay(() => {
    if (!stalled) underWay.answered();
  });
  const connection: MqttConnection = {
    connected: () => true,
    ready: () => Promise.resolve(),
    subscribe: (filter, handler) => void handlers.set(filter, handler),
    unsubscribe: (filter) => void handlers.delete(filter),
    publish(_topic, pieces, asks) {
      if (lost) return false;
      underWay.publishes(pieces.reduce((sum, { length }) => sum + length, 0));
      if (asks) underWay.ask();
      const request = reassembler.accept(device, openChunk(Buffer.concat(pieces)), 0);
      if (request !== undefined) {
        requests.push(request);
        tellFirst(request);
      }
      return true;
    },
    publishAcknowledged: () => Promise.resolve(true),
    underWay,
    moveTo: () => undefined,
    onConnect: () => undefined,
    onDisconnect: (handler) => void disconnectHandlers.push(handler),
    close: () => Promise.resolve(),
  };
  return {
    connection,
    requests,
    firstRequest: () => first,
    answer(
      { header },
      { status = 'ok', tensors = [{ data: new Float32Array(), dims: [0] }], encoding = 'f32', report },
    ) {
      const { boot, sequence, model, exit, partition, direction } = header;
      const envelope = { kind: 'reply', boot, sequence, model, exit, partition, direction, timeLeftUs: 0 } as const;
      return buildChunks({ ...envelope, status, encoding, ...(report && { report }) }, tensors);
    },
    deliver(messages) {
      for (const message of messages) handlers.get(topic)?.(topic, message, false);
    },
    stall() {
      stalled = true;
    },
    disconnect() {
      lost = true;
      underWay.lost();
      for (const handler of disconnectHandlers) handler();
    },
  };
}
