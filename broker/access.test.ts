import { expect, test } from 'vitest';
import { generateSigningKeys } from '../shared/protocol/access-token.ts';
import { mayPublish, maySubscribe } from '../shared/protocol/topic-rules.ts';
import { deviceTopic } from '../shared/protocol/topics.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createTokenAccess } from './access.ts';

test('answers are those of the table, the first time and later, whoever else was asked about', () => {
  const access = createTokenAccess({ publicKey: generateSigningKeys().publicKey, clock: createFakeClock() });
  const identities = [
    { role: 'device', id: 'd1' },
    { role: 'device', id: 'd2' },
    { role: 'control-plane', id: 'd1' },
  ] as const;
  // More topics than are remembered, so that some are asked anew.
  const topics = Array.from({ length: 600 }, (_, i) => deviceTopic(`d${i % 300}`, i < 300 ? 'telemetry' : 'desired'));
  for (let round = 0; round < 2; round += 1) {
    for (const who of identities) {
      const answers = topics.map((topic) => [access.mayPublish(who, topic), access.maySubscribe(who, topic)]);
      expect(answers).toEqual(topics.map((topic) => [mayPublish(who, topic), maySubscribe(who, topic)]));
    }
  }
});
