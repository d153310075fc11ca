import { expect, test } from 'vitest';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { seededRandom } from '../shared/runtime/random.ts';
import { resealed } from '../shared/testing/chunks.ts';
import { createOffloadClient } from './offload.ts';
import { createScriptedWorker } from './testing/scripted-worker.ts';

const plan = { exit: 1, partition: 2, direction: 'edge-first', encoding: 'u8' } as const;

test('fault 17: whatever is written into replies, only a whole and right one is taken, and nothing is thrown', async () => {
  const random = seededRandom(17);
  const below = (limit: number): number => Math.floor(random() * limit);
  const worker = createScriptedWorker({ device: 'camera', worker: 'edge' });
  const { connection } = worker;
  const log = createLog('test', 'silent');
  const offload = createOffloadClient({ device: 'camera', boot: 1, connection, clock: createFakeClock(), log });
  offload.useWorker('edge');
  const cut = { data: Float32Array.from({ length: 600 }, (_, i) => i), dims: [1, 600] };
  for (let round = 0; round < 100; round += 1) {
    const asked = { kind: 'request', worker: 'edge', model: '0011223344556677', plan, tensors: [cut] } as const;
    const { outcome } = offload.send({ ...asked, timeLeftMs: 100, giveUpAtMs: 1e6, leadBytes: 16_384 });
    const request = worker.requests.at(-1);
    if (request === undefined) throw new Error('nothing was asked');
    const messages = worker.answer(request, { tensors: [cut], encoding: 'f32' });
    for (const message of messages) {
      for (let n = 0; n < 20; n += 1) {
        const damaged = Buffer.from(message);
        for (let edits = 1 + below(4); edits > 0; edits -= 1) damaged[below(damaged.length)] = below(256);
        worker.deliver([damaged, message.subarray(0, below(message.length))]);
      }
      // Its request id is another one, everything else right: nobody has asked for it.
      const stray = Buffer.from(message);
      stray.writeUInt32LE(4_000_000_000, 12);
      worker.deliver([resealed(stray), message]);
    }
    expect(await outcome).toMatchObject({ kind: 'reply', status: 'ok', tensors: [{ data: cut.data }] });
  }
});
