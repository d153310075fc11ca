import { expect, test } from 'vitest';
import { createFrameBuffer } from './frame-buffer.ts';

const frame = (name: string) => ({ frame: { name, rgb: new Uint8Array(3), width: 1, height: 1 }, arrivedAtMs: 0 });

test('a frame that newer ones replaced is refused, and counted with the next one that is given', async () => {
  const buffer = createFrameBuffer(1);
  const refused: string[] = [];
  for (const name of ['a', 'b', 'c']) buffer.push({ ...frame(name), refuse: (reason) => refused.push(reason) });
  expect(refused).toHaveLength(2);
  expect(await buffer.next()).toMatchObject({ frame: { name: 'c' }, skipped: 2 });
  const next = buffer.next();
  buffer.push(frame('d'));
  expect(await next).toMatchObject({ frame: { name: 'd' }, skipped: 0 });
  buffer.end();
  expect(await buffer.next()).toBeUndefined();
});
