import type { Frame } from '../../shared/model/frame.ts';

/**
 * Draws frames where no images are given: a coloured disc that wanders over a gradient. They carry no label,
 * so that no accuracy can be claimed from them.
 */
export function drawFrame({ width, height }: { width: number; height: number }): (index: number) => Frame {
  return (index) => {
    const rgb = new Uint8Array(width * height * 3);
    const centreX = width * (0.5 + 0.3 * Math.sin(index / 7));
    const centreY = height * (0.5 + 0.3 * Math.cos(index / 11));
    const radius = Math.min(width, height) / 4;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const inside = Math.hypot(x - centreX, y - centreY) < radius;
        const at = (y * width + x) * 3;
        rgb[at] = inside ? 200 : (x * 255) / width;
        rgb[at + 1] = inside ? (index * 5) % 256 : (y * 255) / height;
        rgb[at + 2] = inside ? 60 : 120;
      }
    }
    return { rgb, width, height, name: `synthetic#${index}` };
  };
}
