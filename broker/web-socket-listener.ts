import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BrokerConfig } from './config.ts';
import type { Link, LinkListener, Listener } from './link.ts';
import type { RefusalReason } from './refusals.ts';
import { formatAddress } from './tcp-listener.ts';
import { untilListening } from './until-listening.ts';

export interface WebSocketListenerOptions {
  config: BrokerConfig;
  port: number;
  onLink: (link: Link) => void;
  onRefused: (reason: RefusalReason) => void;
  onError: (error: Error) => void;
}

const path = '/mqtt';
const subprotocol = 'mqtt'; // [MQTT-6.0.0-3]
const checkEveryMs = 500;

/** Listens for MQTT over WebSocket. @returns when the port is bound @throws {FleetError} `listen-failed` */
export async function listenWebSocket(options: WebSocketListenerOptions): Promise<Listener> {
  const { config, port, onError } = options;
  const http = createServer(
    {
      headersTimeout: config.connectTimeoutMs,
      requestTimeout: config.connectTimeoutMs,
      connectionsCheckingInterval: Math.min(checkEveryMs, config.connectTimeoutMs),
      noDelay: true,
    },
    (_request, response) => response.writeHead(426, { connection: 'close' }).end(),
  );
  http.maxConnections = config.maxConnections;
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: config.maxWebSocketMessageBytes,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => subprotocol,
  });
  webSockets.on('error', onError);
  acceptUpgrades(http, webSockets, options);
  http.listen(port, config.listenHost);
  await untilListening(http, `ws://${config.listenHost}:${port}`);
  http.on('error', onError);
  return {
    address: `ws://${formatAddress(http.address())}${path}`,
    async close() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
    },
  };
}

function acceptUpgrades(http: Server, webSockets: WebSocketServer, options: WebSocketListenerOptions): void {
  const origins = options.config.webSocketOrigins.split(',').map((origin) => origin.trim());
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const { origin } = request.headers;
    if (origin !== undefined && !origins.includes(origin)) {
      options.onRefused('origin');
      return refuse(socket, '403 Forbidden');
    }
    if (request.url?.split('?')[0] !== path) return refuse(socket, '404 Not Found');
    const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(',');
    if (!offered.some((name) => name.trim() === subprotocol)) return refuse(socket, '400 Bad Request');
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      options.onLink(createWebSocketLink(webSocket, request, options.onRefused));
    });
  });
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function createWebSocketLink(
  webSocket: WebSocket,
  request: IncomingMessage,
  onRefused: WebSocketListenerOptions['onRefused'],
): Link {
  let listener: LinkListener | undefined;
  webSocket.on('error', (error) => {
    if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') onRefused('web-socket-message');
    webSocket.terminate();
  });
  webSocket.on('message', (data, isBinary) => {
    // [MQTT-6.0.0-1]
    if (!isBinary || !Buffer.isBuffer(data)) listener?.fault('web-socket-message');
    else listener?.bytes(data);
  });
  webSocket.on('close', () => listener?.end());
  return {
    remote: `${request.socket.remoteAddress ?? 'unknown'}:${request.socket.remotePort ?? 0}`,
    send(pieces, done) {
      if (webSocket.readyState !== webSocket.OPEN) return done();
      for (const [i, piece] of pieces.entries()) {
        // MQTT packets may span WebSocket messages [MQTT-6.0.0-2].
        webSocket.send(piece, { binary: true }, i === pieces.length - 1 ? () => done() : undefined);
      }
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    finish: () => webSocket.close(),
    destroy: () => webSocket.terminate(),
    attach(next) {
      listener = next;
    },
  };
}
