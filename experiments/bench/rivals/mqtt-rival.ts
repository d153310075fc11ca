import { createMqttConnection } from '../../../shared/adapters/mqtt-connection.ts';
import { offloadFilter, offloadTopic, parseTopic, replyTopic } from '../../../shared/protocol/topics.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { FleetError, messageOf } from '../../../shared/runtime/errors.ts';
import type { Log } from '../../../shared/runtime/log.ts';
import { type Classifier, type ImageForm, imageForms } from './classifier.ts';

/**
 * What somebody without this platform would write over MQTT: an image in one message, the label in another. The topics
 * are those that the broker's rules leave to a device and a worker.
 *
 *   request = u32 number, image      reply = u32 number, label
 */
const numberBytes = 4;
export const mqttRival = { device: 'plain-device', worker: 'plain-worker' } as const;

export interface MqttRivalOptions {
  brokerUrl: string;
  token: string;
  log: Log;
}

const connectMs = 10_000;

/** Answers images until it is closed. */
export async function startMqttRival(
  options: MqttRivalOptions,
  classifier: Classifier,
): Promise<{ close(): Promise<void> }> {
  const { brokerUrl: url, token, log } = options;
  const connection = createMqttConnection({ url, token, id: mqttRival.worker, log });
  const answer = async (device: string, message: Buffer): Promise<void> => {
    const image = message.subarray(numberBytes);
    const form = imageForms.find((candidate) => classifier.bytesOf(candidate) === image.length) ?? 'u8';
    const label = Buffer.from(await classifier.classify(form, image));
    connection.publish(replyTopic(device, mqttRival.worker), [message.subarray(0, numberBytes), label]);
  };
  connection.subscribe(offloadFilter(mqttRival.worker), (name, message) => {
    const topic = parseTopic(name);
    if (topic === undefined) return;
    answer(topic.id, message).catch((error: unknown) => log.error({ reason: messageOf(error) }, 'image not answered'));
  });
  await connection.ready(connectMs);
  return { close: connection.close };
}

/** Sends images, one message each. */
export interface MqttClient {
  /** @returns the label @throws {FleetError} `experiment-failed` where none comes */
  classify(form: ImageForm, bytes: Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** How long an answer is waited for, ms. */
const patienceMs = 20_000;

export async function createMqttClient(
  { brokerUrl: url, token, log }: MqttRivalOptions,
  clock: Clock,
): Promise<MqttClient> {
  const connection = createMqttConnection({ url, token, id: mqttRival.device, log });
  const waiting = new Map<number, (label: string) => void>();
  let count = 0;
  connection.subscribe(replyTopic(mqttRival.device, mqttRival.worker), (_, message) => {
    const number = message.readUInt32LE(0);
    waiting.get(number)?.(message.subarray(numberBytes).toString());
    waiting.delete(number);
  });
  await connection.ready(connectMs);
  return {
    classify(_, bytes) {
      count += 1;
      const number = count;
      const header = Buffer.alloc(numberBytes);
      header.writeUInt32LE(number, 0);
      return new Promise((resolve, reject) => {
        const giveUp = clock.after(patienceMs, () => {
          waiting.delete(number);
          reject(new FleetError('experiment-failed', `no answer over MQTT in ${patienceMs} ms`));
        });
        waiting.set(number, (label) => {
          giveUp();
          resolve(label);
        });
        connection.publish(offloadTopic(mqttRival.device, mqttRival.worker), [header, bytes]);
      });
    },
    close: connection.close,
  };
}
