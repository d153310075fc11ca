import { type Block, blocksOf, type ReportDocument } from './document.ts';

/** @param pictures whether the SVG files are there to be shown */
export function toMarkdown(document: ReportDocument, { pictures }: { pictures: boolean }): string {
  const parts = blocksOf(document).flatMap((block) => markdownOf(block, pictures) ?? []);
  return `${[`# ${document.title}`, ...parts].join('\n\n')}\n`;
}

function markdownOf(block: Block, pictures: boolean): string | undefined {
  switch (block.kind) {
    case 'heading':
      return `## ${block.text}`;
    case 'paragraph':
      return block.text;
    case 'table':
      return tableOf(block);
    case 'picture':
      return pictures ? `![${block.alt}](${block.name}.svg)` : undefined;
  }
}

function tableOf({ head, numeric, rows }: Extract<Block, { kind: 'table' }>): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  const rule = head.map((_, column) => (numeric.includes(column) ? '---:' : '---'));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|');
}
