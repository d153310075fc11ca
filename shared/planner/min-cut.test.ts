import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FlowEdge, type FlowNetwork, minimumCut } from './min-cut.ts';

function capacityOf({ edges }: FlowNetwork, side: ReadonlySet<number>): number {
  return edges.reduce((sum, { from, to, capacity }) => sum + (side.has(from) && !side.has(to) ? capacity : 0), 0);
}

/** The capacities of all cuts, written down without any search: source 0, sink 1. */
function allCuts(network: FlowNetwork): { side: Set<number>; capacity: number }[] {
  return Array.from({ length: 2 ** (network.nodeCount - 2) }, (_, bits) => {
    const inner = Array.from({ length: network.nodeCount - 2 }, (_, i) => i + 2).filter((i) => (bits >> (i - 2)) & 1);
    const side = new Set([0, ...inner]);
    return { side, capacity: capacityOf(network, side) };
  });
}

function networkOf(nodeCount: number, edges: readonly [from: number, to: number, capacity: number][]): FlowNetwork {
  return { nodeCount, source: 0, sink: 1, edges: edges.map(([from, to, capacity]) => ({ from, to, capacity })) };
}

/** Networks of up to nine nodes; some edges are infinite, none of them into the sink. */
function arbitraryNetwork(capacity: fc.Arbitrary<number>): fc.Arbitrary<FlowNetwork> {
  return fc.integer({ min: 2, max: 9 }).chain((nodeCount) => {
    const node = fc.integer({ min: 0, max: nodeCount - 1 });
    const edge: fc.Arbitrary<FlowEdge> = fc
      .record({ from: node, to: node, capacity, isInfinite: fc.constantFrom(true, false, false, false) })
      .map(({ from, to, capacity: finite, isInfinite }) => ({
        from,
        to,
        capacity: isInfinite && to !== 1 ? Number.POSITIVE_INFINITY : finite,
      }));
    return fc.record({
      nodeCount: fc.constant(nodeCount),
      source: fc.constant(0),
      sink: fc.constant(1),
      edges: fc.array(edge, { maxLength: 30 }),
    });
  });
}

describe('the cut', () => {
  test('parts a network at its narrowest place', () => {
    // 0 → 2 → 3 → 1 with a side way 2 → 1.
    const network = networkOf(4, [
      [0, 2, 5],
      [2, 3, 4],
      [2, 1, 0.5],
      [3, 1, 1],
    ]);
    expect([...minimumCut(network)].toSorted()).toEqual([0, 2, 3]);
  });

  test('needs flow to be taken back where the first path was in the way of two', () => {
    // By 0 → 2 → 5 → 1 the first flow blocks both 0 → 2 → 4 → 1 and 0 → 3 → 5 → 1.
    const network = networkOf(7, [
      [0, 2, 1],
      [0, 3, 1],
      [2, 5, 1],
      [2, 4, 1],
      [3, 5, 1],
      [4, 6, 1],
      [6, 1, 1],
      [5, 1, 1],
    ]);
    expect(capacityOf(network, minimumCut(network))).toBe(2);
  });

  test('never goes through an infinite edge while another is finite', () => {
    const network = networkOf(4, [
      [0, 2, Number.POSITIVE_INFINITY],
      [2, 3, Number.POSITIVE_INFINITY],
      [3, 1, 1e12],
    ]);
    expect([...minimumCut(network)].toSorted()).toEqual([0, 2, 3]);
  });

  test('of a network without a way to the sink costs nothing', () => {
    expect([...minimumCut(networkOf(3, [[0, 2, 3]]))]).toEqual([0, 2]);
    expect([...minimumCut(networkOf(2, []))]).toEqual([0]);
  });

  test('has the least capacity of all cuts, and of those with whole capacities the smallest source’s side', () => {
    fc.assert(
      fc.property(arbitraryNetwork(fc.integer({ min: 0, max: 6 })), (network) => {
        const cuts = allCuts(network);
        const least = Math.min(...cuts.map(({ capacity }) => capacity));
        const side = minimumCut(network);
        expect(capacityOf(network, side)).toBe(least);
        const sizes = cuts.filter(({ capacity }) => capacity === least).map((cut) => cut.side.size);
        expect(side.size).toBe(Math.min(...sizes));
      }),
      { numRuns: 2000 },
    );
  });

  test('has the least capacity with capacities of any size, to 1e-12 of it', () => {
    const capacity = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.constantFrom(Number.MIN_VALUE, 0.1, 0.2, 1 / 3),
    );
    fc.assert(
      fc.property(arbitraryNetwork(capacity), (network) => {
        const least = Math.min(...allCuts(network).map((cut) => cut.capacity));
        const found = capacityOf(network, minimumCut(network));
        expect(found).toBeLessThanOrEqual(least * (1 + 1e-12) + 1e-18);
      }),
      { numRuns: 2000 },
    );
  });

  test('of a chain of ten thousand nodes is found', () => {
    const last = 10_000;
    const edges = Array.from({ length: last }, (_, i): FlowEdge => {
      const capacity = i === 7000 ? 0.5 : 1;
      return { from: i === 0 ? 0 : i + 1, to: i === last - 1 ? 1 : i + 2, capacity };
    });
    const side = minimumCut({ nodeCount: last + 1, source: 0, sink: 1, edges });
    expect(side.size).toBe(7001);
  });
});
