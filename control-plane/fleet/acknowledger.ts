import type { MqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import type { TelemetryAcknowledgement } from '../../shared/protocol/telemetry.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import type { Store } from '../store/store.ts';

/** By device: boots that it sent something of, or asked for. */
export type HeardBoots = ReadonlyMap<string, ReadonlySet<number>>;

/**
 * Tells devices which of their reports are stored: one message a device, for all that came of it together. It is not
 * sent again: a device that misses it asks.
 * INVARIANT: called only when what it tells is committed.
 */
export function createAcknowledger(
  store: Pick<Store, 'deliveries'>,
  broker: Pick<MqttConnection, 'publish'>,
): (heard: HeardBoots) => void {
  return (heard) => {
    for (const [id, boots] of heard) {
      const acknowledgement: TelemetryAcknowledgement = {
        schema: 1,
        boots: Array.from(boots, (boot) => ({ boot, held: store.deliveries.held(id, boot) })),
      };
      broker.publish(deviceTopic(id, 'telemetry-acknowledgement'), [Buffer.from(JSON.stringify(acknowledgement))]);
    }
  };
}
