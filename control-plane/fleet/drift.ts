import type { MemberRole } from '../store/member-records.ts';

/** What one device says of the tables that it runs by. */
export interface DriftReport {
  online: boolean;
  hardwareClass: string;
  workerId: string | null;
  /** The model that it runs. */
  modelDigest: string | null;
  /** How many times longer its own and its worker's parts take; null: they are as their tables say. */
  deviceDrift: number | null;
  workerDrift: number | null;
}

interface ClassedMember {
  id: string;
  hardwareClass: string;
}

/**
 * Finds out whose times have moved away from the profile of a class. One slow device of many (hot, busy, broken) makes
 * no slow class: more than half of those that are online and run the model must say so, and in the same direction. Of
 * one alone its word counts. For a class of workers the devices placed at them speak.
 * @returns ids of the members that could measure it: those that drift, or whose devices say so; none: no majority does
 */
export function driftingMembers(
  of: { tier: MemberRole; hardwareClass: string; modelDigest: string },
  devices: readonly (DriftReport & ClassedMember)[],
  workers: readonly ClassedMember[],
): Set<string> {
  const running = devices.filter((device) => device.online && device.modelDigest === of.modelDigest);
  if (of.tier === 'device') {
    const own = running.filter(({ hardwareClass }) => hardwareClass === of.hardwareClass);
    return new Set(majority(own, ({ deviceDrift }) => deviceDrift).map(({ id }) => id));
  }
  const ofClass = new Set(
    workers.filter(({ hardwareClass }) => hardwareClass === of.hardwareClass).map(({ id }) => id),
  );
  const placed = running.filter(({ workerId }) => workerId !== null && ofClass.has(workerId));
  return new Set(majority(placed, ({ workerDrift }) => workerDrift).flatMap(({ workerId }) => workerId ?? []));
}

function majority<T>(reporters: readonly T[], driftOf: (reporter: T) => number | null): T[] {
  const slower = reporters.filter((reporter) => (driftOf(reporter) ?? 1) > 1);
  const faster = reporters.filter((reporter) => (driftOf(reporter) ?? 1) < 1);
  return [slower, faster].find((group) => 2 * group.length > reporters.length) ?? [];
}
