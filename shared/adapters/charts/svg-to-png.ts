import sharp from 'sharp';
import { FleetError, messageOf } from '../../runtime/errors.ts';

/**
 * Draws an SVG file as a PNG file, for pictures in documents.
 * The text needs a font of the system: on Debian the packages `fontconfig` and `fonts-dejavu-core`; without any font it
 * is left out, without an error.
 * @param scale pixels of the result for each of the SVG's: 2 for a sharp picture on a dense screen
 * @throws {FleetError} `image-unreadable` for what is no SVG
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const dotsPerInch = 72 * scale;
  try {
    return await sharp(Buffer.from(svg), { density: dotsPerInch }).png().toBuffer();
  } catch (cause) {
    throw new FleetError('image-unreadable', `the chart cannot be drawn: ${messageOf(cause)}`, { cause });
  }
}
