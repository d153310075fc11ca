import { systemClock } from '../../../../shared/runtime/clock.ts';
import { createLog } from '../../../../shared/runtime/log.ts';
import { openModel } from '../../../reproduce/models.ts';
import { serveCalls } from '../../processes/serve-calls.ts';
import { startClassifier } from '../../rivals/classifier.ts';
import { startHttpRival } from '../../rivals/http-server.ts';
import { startMqttRival } from '../../rivals/mqtt-rival.ts';
import { createBareSegments } from '../bare-segments.ts';
import { type EdgePorts, type EdgeStart, edgeStartParser } from '../bed-messages.ts';
import { exchangeParser } from '../exchange.ts';
import { type BareServer, startBareServer } from './bare-server.ts';

/** The edge's side of everything that the platform is compared with. */
interface Edge {
  ports: EdgePorts;
  bare: BareServer;
  load: ReturnType<typeof createBareSegments>['load'];
  close(): Promise<unknown>;
}

let edge: Edge | undefined;

async function start({ model: name, host, brokerUrl, token }: EdgeStart): Promise<Edge> {
  const model = await openModel(name);
  const segments = createBareSegments(model);
  const bare = await startBareServer({ host, run: segments.run, clock: systemClock });
  const classifier = await startClassifier({ model, processorFactor: 1 });
  const http = await startHttpRival(host, classifier);
  const mqtt = await startMqttRival({ brokerUrl, token, log: createLog('rival', 'warn') }, classifier);
  return {
    ports: { barePort: bare.port, httpPort: http.port },
    bare,
    load: segments.load,
    close: () => Promise.all([bare.close(), http.close(), mqtt.close(), segments.close(), classifier.close()]),
  };
}

serveCalls(
  {
    async start(argument) {
      edge = await start(edgeStartParser.parse(argument));
      return edge.ports;
    },
    async expect(argument) {
      const exchange = exchangeParser.parse(argument);
      await edge?.load(exchange.worker);
      edge?.bare.expect(exchange);
    },
  },
  async () => {
    await edge?.close();
  },
);
