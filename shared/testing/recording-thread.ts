import type { InferenceThread } from '../adapters/inference-thread.ts';
import { parseModel } from '../model/parse-model.ts';

/** An inference thread whose loads can be looked at. */
export interface RecordingThread {
  /** Hands everything on to the real thread. */
  readonly thread: InferenceThread;
  /**
   * Unloads everything, so that what is prepared next is loaded anew.
   * @returns of every ONNX file that was loaded since the last time the names of its nodes, in its own order
   */
  takeLoads(): Promise<string[][]>;
}

export function recordLoads(thread: InferenceThread): RecordingThread {
  const files = new Map<string, Uint8Array>();
  const recording: InferenceThread = {
    ...thread,
    // Spreading would freeze what these tell.
    get maxSessions() {
      return thread.maxSessions;
    },
    get pending() {
      return thread.pending;
    },
    load(key, bytes, options) {
      files.set(key, bytes);
      return thread.load(key, bytes, options);
    },
  };
  return {
    thread: recording,
    async takeLoads() {
      const loads = [...files.values()].map((bytes) => parseModel(bytes).nodes.map(({ name }) => name));
      for (const key of files.keys()) await thread.unload(key);
      files.clear();
      return loads;
    },
  };
}
