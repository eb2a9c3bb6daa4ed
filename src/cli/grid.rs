//! Rows and columns for people: aligned text as kubectl prints it, and Markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// On which side a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table under construction.
#[derive(Debug)]
pub(crate) struct Grid {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with these columns: words stand left, numbers right.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Self {
        Self { columns: columns.into_iter().map(|(header, align)| (header.to_owned(), align)).collect(), rows: Vec::new() }
    }

    /// Adds a row; it has one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Aligned text: a header in capitals, no lines, no blanks at line ends.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|(header, _)| header.to_uppercase()));
        table.add_rows(self.rows.iter().cloned());
        for (column, (_, align)) in table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, 3));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }

    /// A Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        let mut text = line(&mut self.columns.iter().map(|(header, _)| header.clone()));
        text += &line(&mut self.columns.iter().map(|(_, align)| if *align == Align::Right { "---:" } else { "---" }.to_owned()));
        for row in &self.rows {
            text += &line(&mut row.iter().map(|cell| cell.replace('|', "\\|").replace('~', "\\~")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Align, Grid};

    #[test]
    fn aligns_text_and_escapes_markdown() {
        let mut grid = Grid::new([("Pool", Align::Left), ("Nodes", Align::Right)]);
        grid.row(["a".to_owned(), "10".to_owned()]);
        grid.row(["longer|name".to_owned(), "2".to_owned()]);
        assert_eq!(grid.text(), "POOL          NODES\na                10\nlonger|name       2\n");
        assert_eq!(grid.markdown(), "| Pool | Nodes |\n| --- | ---: |\n| a | 10 |\n| longer\\|name | 2 |\n");
    }
}
