package cli

import (
	"cmp"
	"slices"
	"strings"
)

// A column of a table. Where the page is too narrow, the columns of the highest rank go first; rank 0 stays, and the column
// that flows is clipped to what is left.
type column struct {
	title string
	rank  int
	right bool // aligned to the right, for numbers
	flows bool // takes what is left
}

const (
	between   = 2  // cells between columns
	leastFlow = 20 // cells in which a sentence begins to make sense
)

// table lays rows out in at most so many cells, below the titles of the columns.
func table(columns []column, rows [][]text, cells int, more string) []text {
	rows = append([][]text{titles(columns)}, rows...)
	kept := fitting(columns, rows, cells)
	var lines []text
	for _, row := range rows {
		var line text
		left := cells
		for n, i := range kept {
			cell, width := row[i], widest(rows, i)
			if columns[i].flows {
				width = min(width, max(left-total(columns, rows, kept[n+1:]), 0))
				cell = cell.clip(width, more)
			}
			if gap := width - cell.width(); columns[i].right && gap > 0 {
				cell = append(text{}.pad(gap), cell...)
			}
			line = append(line, cell.pad(width+between)...)
			left -= width + between
		}
		lines = append(lines, line.trim().clip(cells, more))
	}
	return lines
}

// trim drops the padding after the last word.
func (t text) trim() text {
	for len(t) > 0 && strings.TrimSpace(t[len(t)-1].text) == "" {
		t = t[:len(t)-1]
	}
	return t
}

func titles(columns []column) []text {
	var row []text
	for _, c := range columns {
		row = append(row, say(quiet, c.title))
	}
	return row
}

// fitting chooses the columns that have room, dropping the least important first, and empty ones always.
func fitting(columns []column, rows [][]text, cells int) []int {
	var kept []int
	for i := range columns {
		if filled(rows, i) {
			kept = append(kept, i)
		}
	}
	for total(columns, rows, kept)-between > cells {
		least := slices.MaxFunc(kept, func(a, b int) int { return cmp.Compare(columns[a].rank, columns[b].rank) })
		if columns[least].rank == 0 {
			break
		}
		kept = slices.DeleteFunc(kept, func(i int) bool { return i == least })
	}
	return kept
}

// filled reports whether any row below the titles has something in the column.
func filled(rows [][]text, i int) bool {
	return slices.ContainsFunc(rows[1:], func(row []text) bool { return row[i].width() > 0 })
}

// total adds the columns up, those that flow with the least that is still readable.
func total(columns []column, rows [][]text, kept []int) int {
	sum := 0
	for _, i := range kept {
		width := widest(rows, i)
		if columns[i].flows {
			width = min(width, leastFlow)
		}
		sum += width + between
	}
	return sum
}

func widest(rows [][]text, i int) int {
	width := 0
	for _, row := range rows {
		width = max(width, row[i].width())
	}
	return width
}
