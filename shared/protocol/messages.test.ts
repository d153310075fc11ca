import { describe, expect, test } from 'vitest';
import { createParser, type Parser } from '../runtime/schema.ts';
import {
  configuration,
  digest,
  failure,
  load,
  model,
  plan,
  policy,
  profile,
  result,
  table,
} from '../testing/typical-messages.ts';
import { frameLineParser } from './frame-result.ts';
import { credentialsParser, ProblemSchema, RegistrationSchema } from './http.ts';
import {
  configurationRequestParser,
  deviceConfigurationParser,
  loadParser,
  presenceParser,
  reportedParser,
  workerConfigurationParser,
} from './messages.ts';
import { latencyTable, profileParser } from './profile.ts';

type Fields = Record<string, unknown>;

interface Row {
  title: string;
  parser: Parser<unknown>;
  typical: Fields;
  optional?: readonly string[];
  /** A wrong field of each kind, and the place that the message must name. */
  wrong: readonly (readonly [change: Fields, place: string])[];
}

const rows: readonly Row[] = [
  {
    title: 'presence',
    parser: presenceParser,
    typical: { schema: 1, online: true, boot: 5 },
    wrong: [
      [{ schema: 2 }, '/schema must be 1'],
      [{ online: 'yes' }, '/online'],
      [{ boot: -1 }, '/boot'],
      [{ boot: 1.5 }, '/boot'],
    ],
  },
  {
    title: 'device configuration',
    parser: deviceConfigurationParser,
    typical: configuration,
    optional: ['map'],
    wrong: [
      [{ version: 0 }, '/version'],
      [{ model: { ...model, digest: 'sha256:12' } }, '/model/digest'],
      [{ policy: { ...policy, deadlineMs: 0 } }, '/policy/deadlineMs'],
      [{ policy: { ...policy, minimumAccuracy: 50 } }, '/policy/minimumAccuracy'],
      [
        { policy: { ...policy, encodings: ['f64'] } },
        '/policy/encodings/0 must be "f32" or must be "f16" or must be "u8"',
      ],
      [{ policy: { ...policy, directions: [] } }, '/policy/directions'],
      [{ policy: { ...policy, objective: 'fun' } }, '/policy/objective must be "accuracy" or'],
      [{ policy: { ...policy, rewardWeights: { accuracy: 1, throughput: -1 } } }, '/policy/rewardWeights/throughput'],
      [{ policy: { ...policy, configurator: 'magic' } }, '/policy/configurator'],
      [{ worker: { id: 'W 1', profile: null } }, '/worker/id'],
      [{ worker: { id: 'w-1', profile: { ...table, hardwareClass: 4 } } }, '/worker/profile/hardwareClass'],
      [{ worker: undefined }, 'worker'],
      [{ deviceProfile: 'none' }, '/deviceProfile must be null or must be object'],
    ],
  },
  {
    title: 'worker configuration',
    parser: workerConfigurationParser,
    typical: { schema: 1, version: 1, issuedAt: '2020-01-01T00:00:00Z', models: [model], profilesRequested: [digest] },
    wrong: [
      [{ models: [{ ...model, name: 1 }] }, '/models/0/name'],
      [{ profilesRequested: ['md5:1'] }, '/profilesRequested/0'],
    ],
  },
  {
    title: 'reported state',
    parser: reportedParser,
    typical: {
      ...{ schema: 1, version: 0, boot: 1, modelDigest: null, state: 'failed', error: 'inference-failed' },
      progress: { done: 3, total: 9 },
    },
    optional: ['error', 'progress'],
    wrong: [
      [{ state: 'asleep' }, '/state'],
      [{ modelDigest: 'x' }, '/modelDigest'],
      [{ error: 4 }, '/error'],
      [{ progress: { done: -1, total: 9 } }, '/progress/done'],
    ],
  },
  {
    title: 'configuration request',
    parser: configurationRequestParser,
    typical: { schema: 1, version: 0 },
    wrong: [[{ version: -1 }, '/version']],
  },
  {
    title: 'worker load',
    parser: loadParser,
    typical: load,
    wrong: [
      [{ threads: 0 }, '/threads'],
      [{ queueMs: null }, '/queueMs'],
    ],
  },
  {
    title: 'profile',
    parser: profileParser,
    typical: profile,
    wrong: [
      [{ tier: 'cloud' }, '/tier'],
      [{ exits: [] }, '/exits'],
      [{ exits: [{ ...profile.exits[0], head: [{ medianMs: -1, p90Ms: 0 }] }] }, '/exits/0/head/0/medianMs'],
    ],
  },
  {
    title: 'frame result',
    parser: frameLineParser,
    typical: result,
    wrong: [
      [{ finishedOn: 'cloud' }, '/finishedOn'],
      [{ fallback: 'bored' }, '/fallback'],
      [{ plan: { ...plan, partition: -1 } }, '/plan/partition'],
      [{ breakdownMs: { ...result.breakdownMs, queue: null } }, '/breakdownMs/queue'],
      [{ skipped: -1 }, '/skipped'],
    ],
  },
  {
    title: 'frame result',
    parser: frameLineParser,
    typical: failure,
    wrong: [
      [{ failed: null }, '/failed'],
      [{ skipped: 0.5 }, '/skipped'],
    ],
  },
  {
    title: 'credentials',
    parser: credentialsParser,
    typical: { id: 'pi-1', token: 'edgent1.a.b', brokerUrl: 'mqtt://localhost:1883' },
    wrong: [[{ id: '../etc' }, '/id']],
  },
  {
    title: 'registration',
    parser: createParser(RegistrationSchema, 'body-invalid', 'registration'),
    typical: { id: 'pi-1', hardwareClass: 'pi-4', labels: { site: 'north' }, processorFactor: 2, threads: 1 },
    optional: ['labels', 'processorFactor', 'threads'],
    wrong: [
      [{ hardwareClass: '' }, '/hardwareClass'],
      [{ labels: { site: 7 } }, '/labels/site'],
      [{ processorFactor: 0.5 }, '/processorFactor'],
      [{ role: 'admin' }, 'role'],
    ],
  },
  {
    title: 'problem details',
    parser: createParser(ProblemSchema, 'http-failed', 'problem details'),
    typical: { type: 'about:blank', title: 'Not found', status: 404, code: 'not-found', detail: 'no such device' },
    wrong: [[{ status: '404' }, '/status']],
  },
];

describe.each(rows)('$title', ({ title, parser, typical, optional = [], wrong }) => {
  test('is read from its JSON as it was written', () => {
    expect(parser.parseJson(JSON.stringify(typical))).toEqual(typical);
    expect(parser.parseJson(Buffer.from(JSON.stringify(typical)))).toEqual(typical);
  });

  test('is refused with the place of the first wrong field', () => {
    for (const [change, place] of wrong) {
      const text = JSON.stringify({ ...typical, ...change });
      expect(() => parser.parseJson(text)).toThrow(
        expect.objectContaining({ name: 'FleetError', message: expect.stringContaining(place) }),
      );
      expect(() => parser.parseJson(text)).toThrow(title);
    }
  });

  test('is refused without any of its required fields, each named', () => {
    for (const key of Object.keys(typical).filter((name) => !optional.includes(name))) {
      const { [key]: _, ...rest } = typical;
      expect(() => parser.parse(rest)).toThrow(key);
    }
  });

  test('is refused where it is no object or no JSON', () => {
    for (const text of ['', '{', 'null', '[]', '1', '"x"', '\0']) {
      expect(() => parser.parseJson(text)).toThrow(expect.objectContaining({ name: 'FleetError' }));
    }
  });
});

test('a configuration whose policy is of an earlier release is read with that policy’s defaults', () => {
  const { name, version, deadlineMs, minimumAccuracy, accuracyTolerance, encodings, directions, marginMs } = policy;
  const earlier = { name, version, deadlineMs, minimumAccuracy, accuracyTolerance, encodings, directions, marginMs };
  const text = JSON.stringify({ ...configuration, policy: earlier });
  expect(deviceConfigurationParser.parseJson(text).policy).toEqual(policy);
});

test('the table pushed to devices is a profile without its single layers', () => {
  expect(latencyTable(profileParser.parse(profile))).toEqual(table);
});
