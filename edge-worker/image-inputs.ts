import { decodeInput } from '../shared/adapters/image-encoding.ts';
import { isImageEncoding } from '../shared/protocol/wire-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Answers, Arrival } from './answers.ts';
import type { Requests } from './requests.ts';
import type { Segment } from './served-models.ts';

export interface ImageInputsOptions {
  /** Gets what was decoded. */
  requests: Requests;
  answers: Answers;
  /** Images that may be in decoding; what comes beyond is answered `overloaded`. */
  maxDecoding: number;
  clock: Clock;
  log: Log;
}

/** Decodes inputs that came as images. INVARIANT: every one of them is handed on or answered, once. */
export interface ImageInputs {
  /** @param arrival an image that is whole; its segment was found to take one */
  take(arrival: Arrival, segment: Segment): void;
  /** Resolves when all that was taken is handed on or answered. */
  idle(): Promise<unknown>;
}

export function createImageInputs({ requests, answers, maxDecoding, clock, log }: ImageInputsOptions): ImageInputs {
  const decoding = new Set<Promise<void>>();

  async function decode(arrival: Arrival, segment: Segment): Promise<void> {
    const startMs = clock.nowMs();
    const decoded = await decodedOf(arrival, segment).catch((error: unknown) => ({ error }));
    if ('error' in decoded) {
      const reason = messageOf(decoded.error);
      log.debug({ device: arrival.device, status: 'invalid', reason }, 'request refused');
      answers.decline(arrival, 'invalid');
    } else {
      requests.take({ ...decoded, decodeMs: clock.nowMs() - startMs }, segment);
    }
  }

  return {
    take(arrival, segment) {
      if (decoding.size >= maxDecoding) {
        answers.decline(arrival, 'overloaded');
        return;
      }
      const ended = decode(arrival, segment)
        .catch((error: unknown) => log.error({ device: arrival.device, reason: messageOf(error) }, 'request failed'))
        .finally(() => decoding.delete(ended));
      decoding.add(ended);
    },
    idle: () => Promise.all(decoding),
  };
}

/** @returns the arrival as if its input had come as floats */
async function decodedOf({ device, message }: Arrival, { inputs, model }: Segment): Promise<Arrival> {
  const { header, image = new Uint8Array() } = message;
  const { encoding } = header;
  if (!isImageEncoding(encoding) || model.preprocessing === undefined) {
    throw new FleetError('image-invalid', `${encoding} is no image that this model takes`);
  }
  const data = await decodeInput(image, encoding, model.preprocessing);
  return { device, message: { ...message, tensors: [{ data, dims: inputs[0]?.dims ?? [] }] } };
}
