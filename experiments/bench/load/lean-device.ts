import { randomInt } from 'node:crypto';
import { createOffloadClient } from '../../../device-agent/offload.ts';
import { sendLeadBytes } from '../../../device-agent/send-lead.ts';
import { createMqttConnection } from '../../../shared/adapters/mqtt-connection.ts';
import type { Tensor } from '../../../shared/model/tensor.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import type { Log } from '../../../shared/runtime/log.ts';

/** A device as broker and worker see it: it sends and hears as the agent does, and computes nothing. */
export interface LeanDevice {
  /** @returns from sending to the reply, ms; undefined where none came by the deadline, or a refusal did */
  frame(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface LeanDeviceOptions {
  id: string;
  token: string;
  brokerUrl: string;
  worker: string;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
  plan: Plan;
  input: Tensor;
  deadlineMs: number;
  log: Log;
}

const connectMs = 10_000;

export async function connectLeanDevice(options: LeanDeviceOptions): Promise<LeanDevice> {
  const { id, token, brokerUrl: url, worker, model, plan, input, deadlineMs, log } = options;
  const connection = createMqttConnection({ url, id, token, suffix: '/data', log });
  const clock = systemClock;
  const offload = createOffloadClient({ device: id, boot: randomInt(1, 2 ** 32), connection, clock, log });
  offload.useWorker(worker);
  await connection.ready(connectMs);
  return {
    async frame() {
      const startMs = clock.nowMs();
      const giveUpAtMs = startMs + deadlineMs;
      const request = { kind: 'request', worker, model, plan, timeLeftMs: deadlineMs, giveUpAtMs } as const;
      const outcome = await offload.send({ ...request, tensors: [input], leadBytes: sendLeadBytes(undefined) }).outcome;
      return outcome.kind === 'reply' && outcome.status === 'ok' ? clock.nowMs() - startMs : undefined;
    },
    async close() {
      offload.close();
      await connection.close();
    },
  };
}
