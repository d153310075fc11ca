import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ErrorCode, FleetError } from '../runtime/errors.ts';
import { buildOnnx, weight } from '../testing/build-onnx.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { branchesOf } from './branches.ts';
import type { ModelGraph } from './graph.ts';
import { requireUploadOperators } from './operators.ts';
import { parseModel } from './parse-model.ts';
import { readModel, readModelBytes } from './read-model.ts';
import { splitBranch } from './split.ts';

const relu = { op: 'Relu', inputs: ['x'], outputs: ['y'] } as const;
const sound = buildOnnx({
  nodes: [relu, { op: 'Add', inputs: ['y', 'w'], outputs: ['z'] }],
  outputs: ['z'],
  initializers: [weight('w', [1, 2, 3, 4])],
});

function codeOf(bytes: Uint8Array): ErrorCode | undefined {
  try {
    parseModel(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof FleetError) return error.code;
    throw error;
  }
}

let folder = '';
let packaged: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-parse-'));
  packaged = await readModelBytes(repositoryFile('models', 'branchy-alexnet-32', 'model.onnx'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('files that are no model are refused with a code', () => {
  test('text, an image and an empty graph are "model-not-onnx"', () => {
    expect(codeOf(Buffer.from('not a model at all, just a line of text'))).toBe('model-not-onnx');
    expect(codeOf(Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'))).toBe('model-not-onnx');
    expect(codeOf(Buffer.from([0x12, 0x00]))).toBe('model-not-onnx');
  });

  test('a file cut off anywhere is "model-truncated"', () => {
    for (let length = 0; length < sound.byteLength; length += 1) {
      expect([length, codeOf(sound.subarray(0, length))]).toEqual([length, 'model-truncated']);
    }
    const step = Math.floor(packaged.byteLength / 60);
    for (let length = 0; length < packaged.byteLength; length += step) {
      expect([length, codeOf(packaged.subarray(0, length))]).toEqual([length, 'model-truncated']);
    }
  });

  test('a file that is missing is "not-found"', async () => {
    await expect(readModel(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('graphs that cannot be cut are refused with a code', () => {
  test('control flow and cycles are "model-has-loop"', () => {
    for (const op of ['Loop', 'If', 'Scan']) {
      expect(codeOf(buildOnnx({ nodes: [{ ...relu, op }], outputs: ['y'] }))).toBe('model-has-loop');
    }
    const cycle = [
      { op: 'Add', inputs: ['x', 'b'], outputs: ['a'] },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
    ];
    expect(codeOf(buildOnnx({ nodes: cycle, outputs: ['b'] }))).toBe('model-has-loop');
    expect(codeOf(buildOnnx({ nodes: [{ ...relu, inputs: ['y'] }], outputs: ['y'] }))).toBe('model-has-loop');
  });

  test('a tensor that nothing makes, or two nodes make, is "model-graph-invalid"', () => {
    expect(codeOf(buildOnnx({ nodes: [{ ...relu, inputs: ['q'] }], outputs: ['y'] }))).toBe('model-graph-invalid');
    expect(codeOf(buildOnnx({ nodes: [relu, relu], outputs: ['y'] }))).toBe('model-graph-invalid');
    expect(codeOf(buildOnnx({ nodes: [relu], outputs: [] }))).toBe('model-graph-invalid');
    expect(codeOf(buildOnnx({ nodes: [relu], outputs: ['x'] }))).toBe('model-graph-invalid');
    const short = { ...weight('w', [1, 2]), dims: [1n, 4n] };
    expect(codeOf(buildOnnx({ nodes: [relu], outputs: ['y'], initializers: [short] }))).toBe('model-graph-invalid');
  });

  test('initialisers of more than 1 GiB are "model-too-large" by what they declare', () => {
    const huge = { ...weight('w', [1]), dims: [1024n, 1024n, 257n] };
    expect(codeOf(buildOnnx({ nodes: [relu], outputs: ['y'], initializers: [huge] }))).toBe('model-too-large');
    const overflowing = { ...weight('w', [1]), dims: Array.from({ length: 40 }, () => 1n << 62n) };
    expect(codeOf(buildOnnx({ nodes: [relu], outputs: ['y'], initializers: [overflowing] }))).toBe('model-too-large');
  });

  test('an upload with an operator off the allow-list is "model-operator-forbidden"', () => {
    expect(() => requireUploadOperators(parseModel(packaged))).not.toThrow();
    const graph = parseModel(buildOnnx({ nodes: [{ ...relu, op: 'ConstantOfShape' }], outputs: ['y'] }));
    expect(() => requireUploadOperators(graph)).toThrow(expect.objectContaining({ code: 'model-operator-forbidden' }));
  });
});

describe('weights in other files', () => {
  const values = Float32Array.from([1, 2, 3, 4]);
  const at = (location: string, offset = '0') =>
    buildOnnx({
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      outputs: ['y'],
      initializers: [
        { name: 'w', dims: [1n, 4n], dataType: 1, dataLocation: 1, externalData: entries({ location, offset }) },
      ],
    });

  test('are refused when only bytes are given', () => {
    expect(codeOf(at('w.bin'))).toBe('model-external-data');
  });

  test('are read from the folder of the model', async () => {
    await writeFile(join(folder, 'w.bin'), new Uint8Array(values.buffer));
    await writeFile(join(folder, 'inside.onnx'), at('w.bin'));
    const { graph } = await readModel(join(folder, 'inside.onnx'));
    const stored = graph.constants.get('w');
    expect(stored?.kind === 'initializer' ? [...stored.tensor.rawData] : []).toEqual([
      ...new Uint8Array(values.buffer),
    ]);
  });

  test('are refused outside it: absolute, by .., by a link, past the end', async () => {
    await symlink('/etc/hostname', join(folder, 'link.bin'));
    const cases = [at('/etc/hostname'), at('../../etc/hostname'), at('link.bin'), at('w.bin', '8'), at('w.bin', 'x')];
    for (const [index, bytes] of cases.entries()) {
      const path = join(folder, `outside-${index}.onnx`);
      await writeFile(path, bytes);
      await expect(readModel(path)).rejects.toMatchObject({ code: 'model-external-data' });
    }
  });
});

describe('damaged files', () => {
  test('with random bits flipped either parse and split, or fail with a FleetError', () => {
    const useIfParsed = (bytes: Uint8Array) => {
      let graph: ModelGraph;
      try {
        graph = parseModel(bytes);
        for (const { exit, layers } of branchesOf(graph)) splitBranch(graph, exit, layers.length >> 1);
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
      }
    };
    const flips = fc.array(
      fc.tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.integer({ min: 0, max: 7 })),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    const damaged = (bytes: Uint8Array, where: [number, number][]) => {
      const copy = new Uint8Array(bytes);
      for (const [share, bit] of where) {
        const position = Math.floor(share * copy.byteLength);
        copy[position] = (copy[position] ?? 0) ^ (1 << bit);
      }
      return copy;
    };
    fc.assert(
      fc.property(flips, (where) => useIfParsed(damaged(sound, where))),
      { numRuns: 3_000 },
    );
    const structure = packaged.subarray(0, 4_096);
    fc.assert(
      fc.property(flips, (where) => useIfParsed(damaged(structure, where))),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(flips, (where) => useIfParsed(damaged(packaged, where))),
      { numRuns: 40 },
    );
  });

  test('of random bytes fail with a FleetError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(bytes)).toBeDefined();
      }),
      { numRuns: 1_000 },
    );
  });
});

test('nodes that the file lists out of order are put in execution order, constants left out', () => {
  const graph = parseModel(
    buildOnnx({
      nodes: [
        { op: 'Add', inputs: ['y', 'shifted'], outputs: ['z'] },
        { op: 'Relu', inputs: ['x'], outputs: ['y'] },
        { op: 'Neg', inputs: ['w'], outputs: ['shifted'] },
      ],
      outputs: ['z'],
      initializers: [weight('w', [1, 2, 3, 4])],
    }),
  );
  expect(graph.nodes.map((node) => node.op)).toEqual(['Relu', 'Add']);
  const [branch] = branchesOf(graph);
  expect(branch?.layers.map((layer) => layer.parameterCount)).toEqual([0, 4]);
});

function entries(values: Record<string, string>) {
  return Object.entries(values).map(
    ([key, value]) => ({ $typeName: 'edgent.onnx.StringStringEntryProto', key, value }) as const,
  );
}
