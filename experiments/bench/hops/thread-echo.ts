import { Worker } from 'node:worker_threads';

/** A thread that gives back what it gets. */
export interface ThreadEcho {
  roundTrip(data: ArrayBuffer): Promise<ArrayBuffer>;
  close(): Promise<void>;
}

export function startThreadEcho(): ThreadEcho {
  const thread = new Worker(new URL('./echo-thread.js', import.meta.url));
  return {
    roundTrip: (data) =>
      new Promise((resolve) => {
        thread.once('message', resolve);
        thread.postMessage(data, [data]);
      }),
    async close() {
      await thread.terminate();
    },
  };
}
