//! Mending what dealing left: a pod without a seat takes the seat of another, which moves on to an open one.

use super::super::axis::fits;
use super::super::market::Market;
use super::super::problem::Problem;
use super::Table;
use super::dealing::Crowd;

/// Seats looked at for one pod.
const LOOKS: usize = 20_000;

/// Seats who is left where a seat is open.
pub(super) fn repair(problem: &Problem<'_>, market: &Market, crowd: &mut Crowd, tables: &mut [Table]) {
    for item in 0..crowd.stacks.len() {
        if crowd.stacks[item].iter().all(|stack| stack.left == 0) {
            continue;
        }
        let with_seats: Vec<usize> =
            (0..tables.len()).filter(|table| tables[*table].seats.iter().any(|(own, _)| *own == item)).collect();
        for stack in 0..crowd.stacks[item].len() {
            while crowd.stacks[item][stack].left > 0 {
                let Some(class) = crowd.take(problem, item, stack) else { break };
                let seated = anywhere(problem, market, tables, class, item) || by_swap(problem, tables, &with_seats, class, item);
                if !seated {
                    break;
                }
            }
        }
    }
}

/// Seats a pod where there is room beside the seats that are taken.
fn anywhere(problem: &Problem<'_>, market: &Market, tables: &mut [Table], class: usize, item: usize) -> bool {
    let need = &problem.classes[class].need;
    let links = problem.links(class);
    let welcome = |table: &&mut Table| {
        !table.is_full()
            && fits(need, &table.room)
            && market.groups[market.machines[table.machine].group].contains(item)
            && table.host.room(links, 1) > 0
    };
    let Some(table) = tables.iter_mut().find(welcome) else { return false };
    table.sit(problem, class, 1);
    table.close(item);
    true
}

/// Seats a pod where another of its row sits that can move to an open seat.
fn by_swap(problem: &Problem<'_>, tables: &mut [Table], with_seats: &[usize], class: usize, item: usize) -> bool {
    let row = problem.classes[class].row;
    let links = problem.links(class);
    let need = &problem.classes[class].need;
    let mut looks = LOOKS;
    let holes: Vec<usize> =
        with_seats.iter().copied().filter(|table| tables[*table].has_open(item) && fits(need, &tables[*table].room)).collect();
    for hole in holes {
        for from in with_seats.iter().copied().filter(|from| *from != hole) {
            let residents = tables[from].load.iter().map(|(other, _)| *other);
            let mut movable = residents.filter(|other| {
                problem.classes[*other].row == row
                    && problem.classes[*other].manner != problem.classes[class].manner
                    && tables[hole].host.room(problem.links(*other), 1) > 0
                    && {
                        let mut host = tables[from].host.clone();
                        host.remove(problem.links(*other));
                        host.room(links, 1) > 0
                    }
            });
            if let Some(other) = movable.next() {
                tables[from].rise(problem, other);
                tables[from].sit(problem, class, 1);
                tables[hole].sit(problem, other, 1);
                tables[hole].close(item);
                return true;
            }
            looks -= 1;
            if looks == 0 {
                return false;
            }
        }
    }
    false
}

impl Table {
    fn has_open(&self, item: usize) -> bool {
        self.seats.iter().any(|(own, open)| *own == item && *open > 0)
    }

    /// A seat is no longer open: one of `item`, or else any.
    fn close(&mut self, item: usize) {
        let own = self.seats.iter().position(|(own, open)| *own == item && *open > 0);
        if let Some(at) = own.or_else(|| self.seats.iter().position(|(_, open)| *open > 0)) {
            self.seats[at].1 -= 1;
        }
    }
}
