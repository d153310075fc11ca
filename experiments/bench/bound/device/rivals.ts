import { drawFrame } from '../../../../device-agent/sources/synthetic-frame.ts';
import { preprocess } from '../../../../shared/adapters/images.ts';
import type { Frame } from '../../../../shared/model/frame.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { createLog } from '../../../../shared/runtime/log.ts';
import type { OpenedModel } from '../../../reproduce/models.ts';
import { startClassifier } from '../../rivals/classifier.ts';
import { createHttpClient } from '../../rivals/http-client.ts';
import { createMqttClient } from '../../rivals/mqtt-rival.ts';
import type { DeviceStart, RivalFrame } from '../bed-messages.ts';

/** What would be used without this platform, on the images that the device agent gets. */
export interface Rivals {
  /** @returns what it took from the image to its label, ms */
  frame(frame: RivalFrame): Promise<{ latencyMs: number }>;
  close(): Promise<void>;
}

export async function connectRivals(
  { edgeHost, edge, brokerUrl, token, processorFactor }: DeviceStart,
  model: OpenedModel,
): Promise<Rivals> {
  const { preprocessing } = model.package.manifest;
  const draw = drawFrame(preprocessing.resize);
  const http = createHttpClient(edgeHost, edge.httpPort);
  const mqtt = await createMqttClient({ brokerUrl, token, log: createLog('rival', 'warn') }, systemClock);
  const local = await startClassifier({ model, processorFactor });
  const ways = { http: http.classify, mqtt: mqtt.classify, device: local.classify };
  let frames = 0;

  async function bytesOf(form: RivalFrame['form'], frame: Frame): Promise<Uint8Array> {
    if (form === 'u8') return frame.rgb;
    const { buffer } = await preprocess(frame, preprocessing);
    return new Uint8Array(buffer);
  }

  return {
    async frame({ way, form }) {
      const image = draw(frames);
      frames += 1;
      const startMs = systemClock.nowMs();
      await ways[way](form, await bytesOf(form, image));
      return { latencyMs: systemClock.nowMs() - startMs };
    },
    async close() {
      http.close();
      await mqtt.close();
      await local.close();
    },
  };
}
