/** How an interface is set so that TCP payload passes at a rate. */
export interface KernelShape {
  mtu: number;
  /** Of its queue; null: none. */
  bucket: TokenBucket | null;
}

export interface TokenBucket {
  bitsPerSecond: number;
  /** What may leave at once after a pause: little more than one packet, or short messages pass too fast. */
  burstBytes: number;
  /** What may wait. */
  limitBytes: number;
}

/** Ethernet's header, which the bucket counts. */
const linkHeaderBytes = 14;
/** Of IPv4 and TCP with timestamps. */
const segmentHeaderBytes = 52;
const limitBytes = 300 * 1024;
const unshapedMtu = 1500;

/**
 * Small packets are the slower link's: the first one after a pause leaves without waiting, and that is to be a small part
 * of a message. Faster links need larger ones, and a bucket of more than one, for the kernel's timer lets each go a little
 * late. On bare TCP 12,288 and 65,536 bytes take 0.98 to 1.00 times what the rate says at 0.25 and 1 Mbit/s, 0.97 and
 * 1.00 times at 10 Mbit/s (the least of 15, on a busy machine).
 */
const slowLink = { mtu: 296, burstBytes: 320 };
const fastLink = { mtu: 576, burstBytes: 900 };
const slowUpToMbps = 2;

/** @param mbps of TCP payload; null: not shaped */
export function kernelShape(mbps: number | null): KernelShape {
  if (mbps === null) return { mtu: unshapedMtu, bucket: null };
  const { mtu, burstBytes } = mbps <= slowUpToMbps ? slowLink : fastLink;
  const share = (mtu + linkHeaderBytes) / (mtu - segmentHeaderBytes);
  return { mtu, bucket: { bitsPerSecond: Math.round(mbps * 1e6 * share), burstBytes, limitBytes } };
}
