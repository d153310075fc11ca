/**
 * Decides which worker each device offloads to.
 * Placement is sticky: a device keeps its worker as long as that is online, so that load and profiles stay where
 * they are. Who has none gets the online worker with the fewest devices a thread; the lower id wins a tie.
 * @param devices by id: the same fleet gives the same placement
 * @returns the devices whose worker changes; null: no worker is online
 */
export function placeDevices(
  devices: readonly { id: string; workerId: string | null }[],
  workers: readonly { id: string; online: boolean; threads: number }[],
): Map<string, string | null> {
  const online = workers.filter((worker) => worker.online).map(({ id, threads }) => ({ id, threads, devices: 0 }));
  const byId = new Map(online.map((worker) => [worker.id, worker]));
  const homeless: (typeof devices)[number][] = [];
  for (const device of devices) {
    const worker = device.workerId === null ? undefined : byId.get(device.workerId);
    if (worker === undefined) homeless.push(device);
    else worker.devices += 1;
  }
  const changes = new Map<string, string | null>();
  for (const device of homeless) {
    const worker = leastLoaded(online);
    if (worker !== undefined) worker.devices += 1;
    if ((worker?.id ?? null) !== device.workerId) changes.set(device.id, worker?.id ?? null);
  }
  return changes;
}

interface Candidate {
  id: string;
  threads: number;
  devices: number;
}

function leastLoaded(workers: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const worker of workers) {
    // Cross-multiplied: devices / threads without rounding, so that ties are exact.
    const difference = best === undefined ? -1 : worker.devices * best.threads - best.devices * worker.threads;
    if (difference < 0 || (difference === 0 && best !== undefined && worker.id < best.id)) best = worker;
  }
  return best;
}
