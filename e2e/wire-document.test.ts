import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { mayRetain } from '../broker/access.ts';
import { BrokerConfigSchema } from '../broker/config.ts';
import { edgeWorkerConfigSchema } from '../edge-worker/config.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel } from '../shared/model/describe-model.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { buildEmptyReply, chunksOf, type Envelope } from '../shared/protocol/chunking.ts';
import { DeviceConfigurationSchema } from '../shared/protocol/messages.ts';
import { chunkKinds, directions, headerBytes, openChunk, replyStatuses } from '../shared/protocol/tensor-frame.ts';
import { mayPublish, maySubscribe, type Role } from '../shared/protocol/topic-rules.ts';
import { deviceChannels, parseTopic, topicRoot, workerChannels } from '../shared/protocol/topics.ts';
import { bytesOnWire, wireEncodings } from '../shared/protocol/wire-encoding.ts';
import { wireErrors } from '../shared/runtime/errors/wire.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';

const text = readFileSync(repositoryFile('docs', 'wire.md'), 'utf8');

/** @returns the rows of the table of this name, cells without their code marks */
function table(name: string): string[][] {
  const [, lines = ''] = text.match(new RegExp(`<!-- table ${name} -->\\n((?:\\|.*\\n)+)`)) ?? [];
  const rows = lines.trimEnd().split('\n').slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

const column = (name: string, ...wanted: readonly number[]): string[][] =>
  table(name).map((row) => wanted.map((index) => row[index] ?? ''));

describe('docs/wire.md has', () => {
  test('every topic with who may publish and subscribe', () => {
    const verbs = (role: Role, id: string, topic: string): string => {
      const identity = { role, id };
      if (mayPublish(identity, topic)) return 'publishes';
      return maySubscribe(identity, topic) ? 'subscribes' : '';
    };
    const rows = [
      ...deviceChannels.map((channel) => ({ kind: 'devices', channel })),
      ...workerChannels.map((channel) => ({ kind: 'workers', channel })),
    ].map(({ kind, channel }) => {
      const pair = channel === 'offload' || channel === 'reply';
      const topic = `${topicRoot}/${kind}/one/${channel}${pair ? '/other' : ''}`;
      expect(parseTopic(topic)).toBeDefined();
      const worker = pair ? 'other' : 'one';
      return [
        `${kind}/ID/${channel}${pair ? '/WORKER' : ''}`,
        verbs('device', 'one', topic),
        verbs('worker', worker, topic),
        verbs('control-plane', 'control-plane', topic),
        mayRetain(topic) ? 'yes' : '',
      ];
    });
    expect(table('topics')).toEqual(rows);
  });

  test('the numbers of kinds, directions, encodings and statuses', () => {
    const numbered = (names: readonly string[]) => names.map((name, index) => [`${index}`, name]);
    expect(column('kinds', 0, 1)).toEqual(numbered(chunkKinds));
    expect(column('directions', 0, 1)).toEqual(numbered(directions));
    expect(column('statuses', 0, 1)).toEqual(numbered(replyStatuses));
    const widths = wireEncodings.map((encoding, index) => [`${index}`, encoding, `${bytesOnWire(encoding, 1)}`]);
    expect(column('encodings', 0, 1, 2)).toEqual(widths);
  });

  test('every code that a frame is refused with', () => {
    const codes = Object.keys(wireErrors).filter((code) => /^(frame|reassembly)-/.test(code));
    expect(column('errors', 0).flat().sort()).toEqual(codes.sort());
  });

  test('fields of the configuration that there are', () => {
    const paths = column('configuration', 0).flat();
    expect(paths.length).toBeGreaterThan(10);
    const schema: unknown = DeviceConfigurationSchema;
    for (const path of paths) expect(schemaAt(schema, path.split('.')), path).toBeDefined();
  });

  test('limits as they are by default', () => {
    const settings = { ...BrokerConfigSchema.properties, ...edgeWorkerConfigSchema.properties };
    const defaults = new Map(Object.entries(settings).map(([name, setting]) => [name, defaultOf(setting)]));
    const limits = column('limits', 0, 1);
    expect(limits.length).toBeGreaterThan(10);
    expect(limits).toEqual(limits.map(([name = '']) => [name, `${defaults.get(name)}`]));
  });

  test('the greatest header of the shipped models, within 64 bytes', async () => {
    const most = await Promise.all(
      ['branchy-alexnet-32', 'branchy-alexnet-128'].map(async (name) => {
        const { graph } = await readPackage(repositoryFile('models', name));
        const { branches } = describeModel(graph, await traceShapes(graph));
        const dims = branches.flatMap(({ cuts }) =>
          cuts.flatMap(({ tensors }) => tensors.map((tensor) => tensor.dims)),
        );
        return Math.max(...dims.map((each) => headerBytes({ kind: 'reply', encoding: 'u8', dims: each })));
      }),
    );
    expect(text).toContain(`at most ${Math.max(...most)}.`);
    expect(Math.max(...most)).toBeLessThanOrEqual(64);
  });
});

/** @returns what a schema says of a field, through unions with null */
function schemaAt(schema: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return schema;
  if (typeof schema !== 'object' || schema === null) return undefined;
  if ('anyOf' in schema && Array.isArray(schema.anyOf)) {
    return schema.anyOf.map((each: unknown) => schemaAt(each, path)).find((found) => found !== undefined);
  }
  const properties = 'properties' in schema ? schema.properties : undefined;
  const found = typeof properties === 'object' && properties !== null ? Object.entries(properties) : [];
  return schemaAt(found.find(([key]) => key === name)?.[1], rest);
}

function defaultOf(setting: object): unknown {
  return 'default' in setting ? setting.default : undefined;
}

describe('the example of docs/wire.md', () => {
  const examples = [...text.matchAll(/```hex\n([^`]+)```/g)].map(([, hex = '']) => hex.replaceAll(/\s/g, ''));
  const plan = { exit: 5, partition: 3, direction: 'device-first' } as const;
  const request = { kind: 'request', boot: 42, sequence: 7, model: '732af4f291130013', ...plan, status: 'ok' } as const;
  const asked: Envelope = { ...request, encoding: 'u8', timeLeftUs: 80_000 };
  const report = { spreadUs: 1500, spreadBytes: 53, queueUs: 900, computeUs: 2100, totalUs: 3000 };
  const answered: Envelope = { ...request, kind: 'reply', encoding: 'f32', timeLeftUs: 0, report };

  test('is what the code makes of it, byte for byte', () => {
    const cut = { data: Float32Array.of(-1, 0, 0.5, 1, 2, 4.1), dims: [1, 2, 3] };
    const scores = { data: Float32Array.of(0.25, 2.5, -1), dims: [1, 3] };
    const made = [
      ...chunksOf(asked, [cut], { maxPayloadBytes: 4, minChunks: 1, minPayloadBytes: 4 }),
      ...chunksOf(answered, [scores]),
      buildEmptyReply({ ...answered, status: 'expired', report: { ...report, queueUs: 3000, computeUs: 0 } }),
    ].map((pieces) => Buffer.concat(pieces).toString('hex'));
    expect(examples).toEqual(made);
  });

  test('has checksums as every zlib makes them', () => {
    expect(examples).toHaveLength(4);
    for (const hex of examples) {
      const bytes = Buffer.from(hex, 'hex');
      const told = bytes.readUInt32LE(4);
      bytes.writeUInt32LE(0, 4);
      expect(crc32(bytes)).toBe(told);
      bytes.writeUInt32LE(told, 4);
      expect(openChunk(bytes).header).toMatchObject({ boot: 42, sequence: 7, exit: 5, partition: 3 });
    }
  });
});
