//! Connected components of the bipartite graph of a non-negative matrix: rows and columns are the
//! vertices, non-zero entries the edges.
//!
//! Rows and columns of different components share no entry, so after a permutation M is block
//! diagonal and ‖M‖₂ = max over components of ‖block‖₂. Within a component MᵀM is irreducible on
//! the component's columns, which is what makes the top singular pair positive there
//! (Perron-Frobenius) and the enclosure of S5 close.

/// The components of a matrix in compressed columns, each with its rows, columns and entries.
pub(super) struct Components {
    /// Component of each row and column that has an entry; components are numbered in order of
    /// their first column.
    row_component: Vec<u32>,
    /// Columns sorted by component.
    columns: Vec<u32>,
    /// Columns `columns[bounds[c]..bounds[c + 1]]` belong to component c.
    bounds: Vec<usize>,
}

const NONE: u32 = u32::MAX;

impl Components {
    /// Finds the components of the `num_rows` x (starts.len() - 1) matrix with non-zero entries in
    /// rows `rows[starts[j]..starts[j + 1]]` of column j, by union-find with path halving: O((K +
    /// entries) α(K)).
    pub(super) fn of_columns(num_rows: usize, starts: &[usize], rows: &[u32]) -> Self {
        // Every column joins all its rows to its first one, so the forest needs the rows only.
        let mut parent: Vec<u32> = (0..num_rows as u32).collect();
        for bounds in starts.windows(2) {
            let Some((&first, others)) = rows[bounds[0]..bounds[1]].split_first() else { continue };
            let mut root = find(&mut parent, first);
            for &row in others {
                if parent[row as usize] == root {
                    continue;
                }
                let other = find(&mut parent, row);
                // The smaller number is the root: deterministic, and fast in practice with path halving.
                let (low, high) = (root.min(other), root.max(other));
                parent[high as usize] = low;
                root = low;
            }
        }
        let mut number_of_root = vec![NONE; num_rows];
        let mut counts: Vec<usize> = Vec::new();
        let component_of = |bounds: &[usize]| {
            let Some(&first) = rows[bounds[0]..bounds[1]].first() else { return NONE };
            let number = &mut number_of_root[find(&mut parent, first) as usize];
            if *number == NONE {
                *number = counts.len() as u32;
                counts.push(0);
            }
            counts[*number as usize] += 1;
            *number
        };
        let column_component: Vec<u32> = starts.windows(2).map(component_of).collect();
        let row_component = (0..num_rows as u32).map(|row| number_of_root[find(&mut parent, row) as usize]).collect();
        let mut bounds = vec![0];
        bounds.extend(counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        }));
        let mut next = bounds.clone();
        let mut columns = vec![0; bounds[counts.len()]];
        for (column, &component) in column_component.iter().enumerate() {
            if component != NONE {
                columns[next[component as usize]] = column as u32;
                next[component as usize] += 1;
            }
        }
        Self { row_component, columns, bounds }
    }

    /// Number of components that have an entry.
    pub(super) fn count(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The columns of component c, ascending.
    pub(super) fn columns(&self, c: usize) -> &[u32] {
        &self.columns[self.bounds[c]..self.bounds[c + 1]]
    }

    /// The component of a row that has an entry.
    pub(super) fn of_row(&self, row: usize) -> Option<usize> {
        Some(self.row_component[row]).filter(|&c| c != NONE).map(|c| c as usize)
    }
}

fn find(parent: &mut [u32], mut vertex: u32) -> u32 {
    while parent[vertex as usize] != vertex {
        let grandparent = parent[parent[vertex as usize] as usize];
        parent[vertex as usize] = grandparent;
        vertex = grandparent;
    }
    vertex
}

/// The columns of a dense matrix (vectors of length `len`, one after the other) that have an entry,
/// if all entries form **one** component; None if there are several. Each vertex reached scans only
/// the vertices not yet reached: O(K) for a full matrix, O(K²) at worst.
pub(super) fn support_if_connected(values: &[f64], len: usize) -> Option<Vec<bool>> {
    enum Vertex {
        Vector(usize),
        Place(usize),
    }
    let mut reached = vec![false; len];
    let Some(first) = values.iter().position(|&value| value != 0.0) else { return Some(reached) };
    let mut places: Vec<usize> = (0..len).collect();
    let mut vectors: Vec<usize> = (0..values.len() / len).collect();
    let mut queue = vec![Vertex::Vector(first / len)];
    while let Some(vertex) = queue.pop() {
        match vertex {
            Vertex::Vector(k) => places.retain(|&j| {
                let far = values[k * len + j] == 0.0;
                if !far {
                    reached[j] = true;
                    queue.push(Vertex::Place(j));
                }
                far
            }),
            Vertex::Place(j) => vectors.retain(|&k| {
                let far = values[k * len + j] == 0.0;
                if !far {
                    queue.push(Vertex::Vector(k));
                }
                far
            }),
        }
        if places.is_empty() && vectors.is_empty() {
            break;
        }
    }
    // What is left touches nothing that was reached; an entry among it would be another component.
    let connected = vectors.iter().all(|&k| places.iter().all(|&j| values[k * len + j] == 0.0));
    connected.then_some(reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Components by repeated sweeps: label spreading until nothing changes.
    fn labels_by_sweeps(k: usize, entries: &[(usize, usize)]) -> (Vec<usize>, Vec<usize>) {
        let (mut rows, mut columns): (Vec<usize>, Vec<usize>) = ((0..k).collect(), (0..k).map(|j| k + j).collect());
        loop {
            let mut changed = false;
            for &(i, j) in entries {
                let low = rows[i].min(columns[j]);
                changed |= rows[i] != low || columns[j] != low;
                (rows[i], columns[j]) = (low, low);
            }
            if !changed {
                return (rows, columns);
            }
        }
    }

    #[test]
    fn components_agree_with_label_spreading() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for trial in 0..200 {
            let k = rng.random_range(2..12);
            let density = [0.02, 0.1, 0.2, 0.5][trial % 4];
            let mut dense = vec![0.0; k * k]; // vectors = columns
            let (mut starts, mut rows, mut entries) = (vec![0], vec![], vec![]);
            for j in 0..k {
                for i in 0..k {
                    if rng.random_bool(density) {
                        rows.push(i as u32);
                        entries.push((i, j));
                        dense[j * k + i] = 1.0;
                    }
                }
                starts.push(rows.len());
            }
            let (row_labels, column_labels) = labels_by_sweeps(k, &entries);
            let components = Components::of_columns(k, &starts, &rows);
            let mut used: Vec<usize> = entries.iter().map(|&(i, _)| row_labels[i]).collect();
            used.sort_unstable();
            used.dedup();
            assert_eq!(components.count(), used.len());
            let mut seen = 0;
            for c in 0..components.count() {
                let columns = components.columns(c);
                seen += columns.len();
                let label = column_labels[columns[0] as usize];
                assert!(columns.iter().all(|&j| column_labels[j as usize] == label));
                for (i, &row_label) in row_labels.iter().enumerate() {
                    let has_entry = entries.iter().any(|&(row, _)| row == i);
                    assert_eq!(components.of_row(i) == Some(c), has_entry && row_label == label);
                }
            }
            assert_eq!(seen, starts.windows(2).filter(|pair| pair[1] > pair[0]).count());

            let support = support_if_connected(&dense, k);
            assert_eq!(support.is_some(), used.len() <= 1);
            if let Some(support) = support {
                assert!((0..k).all(|i| support[i] == entries.iter().any(|&(row, _)| row == i)));
            }
        }
    }
}
