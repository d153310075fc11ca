import type { ExperimentContext } from './experiment.ts';
import { type Place, type StartPlatform, startTestBed, type TestBed } from './test-bed.ts';

/** Test beds one at a time: two would share the processors that are measured. */
export interface TestBeds {
  use: ExperimentContext['testBed'];
  close(): Promise<void>;
}

/** @param folder keeps what the platforms keep, one folder a place */
export function createTestBeds(folder: string, startPlatform: StartPlatform): TestBeds {
  let current: { key: string; bed: TestBed } | undefined;

  async function close(): Promise<void> {
    const { bed } = current ?? {};
    current = undefined;
    await bed?.close();
  }

  return {
    async use(place: Place) {
      const key = JSON.stringify(place);
      if (current?.key === key) return current.bed;
      await close();
      const bed = await startTestBed(place, folder, startPlatform);
      current = { key, bed };
      return bed;
    },
    close,
  };
}
