import { describe, expect, test } from 'vitest';
import type { ModelDescription } from '../model/describe-model.ts';
import type { SegmentTiming } from '../protocol/profile.ts';
import { smallModel, smallProfile } from '../testing/small-models.ts';
import { latencyObservations, type ProfiledModel } from './latency-observations.ts';

const description = smallModel([{ type: 'conv' }, { type: 'relu' }, { type: 'fc' }]);
const profiled = smallProfile(description, (layers) => layers.length);

type Exit = ProfiledModel['profile']['exits'][number];

/** @returns the profile with its only exit changed */
function spoilt(change: (exit: Exit) => Partial<Exit>): ProfiledModel {
  const exits = profiled.profile.exits.map((exit) => ({ ...exit, ...change(exit) }));
  return { ...profiled, profile: { ...profiled.profile, exits } };
}

describe('observations of a profile', () => {
  test('are its layers and segments, each once and none that is empty', () => {
    const pieces = latencyObservations(profiled).map(({ layers }) => layers.map(({ type }) => type).join(' '));
    // The head of one layer and the tail of one are the layers themselves, the whole branch is head and tail.
    expect(pieces).toEqual(['conv', 'relu', 'fc', 'conv relu fc', 'relu fc', 'conv relu']);
    expect(latencyObservations(profiled).every(({ layers, timing }) => timing.medianMs === layers.length)).toBe(true);
  });

  test('leave out what took no time: it was not measured', () => {
    const silent = smallProfile(description, (layers) => (layers[0]?.type === 'relu' ? 0 : 1));
    expect(latencyObservations(silent).map(({ layers }) => layers[0]?.type)).not.toContain('relu');
  });

  test('leave out segments whose cut holds other than floats: their times are those of longer ones', () => {
    const [branch] = description.branches;
    const cuts = branch?.cuts.map((cut) => ({
      ...cut,
      tensors: cut.tensors.map((tensor) => ({ ...tensor, dtype: cut.partition === 2 ? 'int64' : 'float32' })),
    }));
    const odd: ModelDescription = { ...description, branches: branch && cuts ? [{ ...branch, cuts }] : [] };
    const pieces = latencyObservations({ ...profiled, description: odd }).map(({ layers }) => layers.length);
    expect(pieces).toEqual([1, 1, 1, 3, 2]);
  });
});

describe('a profile is refused', () => {
  test('where it is of another model', () => {
    const other = { ...profiled, digest: `sha256:${'f'.repeat(64)}` };
    expect(() => latencyObservations(other)).toThrow(expect.objectContaining({ code: 'profile-mismatch' }));
  });

  test.each<[string, (exit: Exit) => Partial<Exit>]>([
    ['lacks an exit', () => ({ name: 'exit9' })],
    ['lacks a layer', ({ layers }) => ({ layers: layers.slice(0, -1) })],
    ['has a layer too many', ({ layers }) => ({ layers: [...layers, ...layers.slice(-1)] })],
    ['has its layers in another order', ({ layers }) => ({ layers: layers.toReversed() })],
    ['lacks a head', ({ head }) => ({ head: head.slice(1) })],
    ['lacks a tail', ({ tail }) => ({ tail: tail.slice(1) })],
  ])('where it %s', (_, change) => {
    expect(() => latencyObservations(spoilt(change))).toThrow(expect.objectContaining({ code: 'profile-unusable' }));
  });

  test.each<[string, SegmentTiming]>([
    ['NaN', { medianMs: Number.NaN, p90Ms: 1 }],
    ['negative', { medianMs: -1, p90Ms: 1 }],
    ['infinite', { medianMs: 1, p90Ms: Number.POSITIVE_INFINITY }],
  ])('where a time of a layer, head or tail is %s', (_, timing) => {
    const changes: ((exit: Exit) => Partial<Exit>)[] = [
      ({ head }) => ({ head: head.with(2, timing) }),
      ({ tail }) => ({ tail: tail.with(1, timing) }),
      ({ layers }) => ({ layers: layers.map((layer) => ({ ...layer, timing })) }),
    ];
    for (const change of changes) {
      expect(() => latencyObservations(spoilt(change))).toThrow(expect.objectContaining({ code: 'profile-unusable' }));
    }
  });
});
