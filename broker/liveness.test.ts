import { expect, test } from 'vitest';
import { createLiveness, type Liveness } from './liveness.ts';

function opened(keepaliveSeconds: number): Liveness {
  const liveness = createLiveness({ connectTimeoutMs: 5000, minBytesPerSecond: 64, nowMs: 0 });
  liveness.open(keepaliveSeconds, 0);
  return liveness;
}

test('a connection without CONNACK is late after the connect timeout, whatever it sends', () => {
  const liveness = createLiveness({ connectTimeoutMs: 5000, minBytesPerSecond: 64, nowMs: 0 });
  liveness.received(4000, 4900);
  expect(liveness.verdict(5000)).toBeUndefined();
  expect(liveness.verdict(5001)).toBe('connect-timeout');
});

test('silence of one and a half keepalives is the end [MQTT-3.1.2-24]', () => {
  const liveness = opened(10);
  liveness.packet(1000);
  expect(liveness.verdict(16_000)).toBeUndefined();
  expect(liveness.verdict(16_001)).toBe('keepalive-missed');
});

test('a packet of which 100 bytes a second come keeps its connection alive', () => {
  const liveness = opened(10);
  for (let ms = 100; ms <= 600_000; ms += 100) {
    liveness.received(10, ms);
    expect(liveness.verdict(ms)).toBeUndefined();
  }
});

test('one byte every five seconds does not', () => {
  const liveness = opened(10);
  let cutMs: number | undefined;
  for (let ms = 5000; cutMs === undefined && ms < 60_000; ms += 5000) {
    liveness.received(1, ms);
    if (liveness.verdict(ms) !== undefined) cutMs = ms;
  }
  expect(cutMs).toBe(20_000);
});

test('while the broker does not read, silence proves nothing', () => {
  const liveness = opened(10);
  liveness.hold(true, 1000);
  expect(liveness.verdict(100_000)).toBeUndefined();
  liveness.hold(false, 100_000);
  expect(liveness.verdict(115_000)).toBeUndefined();
  expect(liveness.verdict(115_001)).toBe('keepalive-missed');
});
