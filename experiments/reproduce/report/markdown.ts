import { type Block, blocksOf, type ReportDocument } from './document.ts';

export function toMarkdown(document: ReportDocument): string {
  const parts = blocksOf(document).map(markdownOf);
  return `${[`# ${document.title}`, ...parts].join('\n\n')}\n`;
}

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `## ${block.text}`;
    case 'paragraph':
      return block.text;
    case 'table':
      return tableOf(block);
    case 'picture':
      return `![${block.alt}](${block.name}.svg)`;
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
