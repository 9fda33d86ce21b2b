//! A short list that lives inside the state, so that a state is copied and compared without a heap.
//!
//! It refuses to grow past its bound: a list cut off in silence would make two different states
//! look alike, and the search would call a history tried that it never saw.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Few<T, const N: usize> {
    /// The items, in front; `None` behind them.
    items: [Option<T>; N],
}

impl<T: Copy, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self { items: [None; N] }
    }
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// # Panics
    /// When the list is full: the model's bound is too small for its settings.
    pub fn push(&mut self, item: T) {
        let free = self.items.iter_mut().find(|slot| slot.is_none());
        assert!(
            free.is_some(),
            "a list of the model holds at most {N} items: raise its bound"
        );
        if let Some(slot) = free {
            *slot = Some(item);
        }
    }

    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        for item in items {
            self.push(item);
        }
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.items.iter().flatten().copied()
    }

    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    pub fn last(&self) -> Option<T> {
        self.iter().next_back()
    }

    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.items.iter_mut().flatten().next_back()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    #[must_use]
    pub fn without_first(&self) -> Self {
        self.iter().skip(1).collect()
    }

    /// The list without the items that `gone` names; the others keep their order.
    #[must_use]
    pub fn without(&self, gone: impl Fn(&T) -> bool) -> Self {
        self.iter().filter(|item| !gone(item)).collect()
    }
}

impl<T: Copy + PartialEq, const N: usize> Few<T, N> {
    #[must_use]
    pub fn contains(&self, item: &T) -> bool {
        self.iter().any(|held| held == *item)
    }
}

impl<T: Copy + Ord, const N: usize> Few<T, N> {
    /// Adds `item` as to a set: sorted and once, so that equal sets are equal lists.
    pub fn insert(&mut self, item: T) {
        if !self.contains(&item) {
            let before: Self = self.without(|held| *held > item);
            let after: Self = self.without(|held| *held < item);
            *self = before;
            self.push(item);
            self.extend(after.iter());
        }
    }
}

impl<T: Copy, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Self::default();
        few.extend(items);
        few
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_set_is_the_same_list_in_whatever_order_it_came() {
        let mut one = Few::<u8, 4>::default();
        let mut other = one;
        for item in [3, 1, 2, 1] {
            one.insert(item);
        }
        for item in [2, 3, 3, 1] {
            other.insert(item);
        }
        assert_eq!(one, other);
        assert_eq!(one.iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    #[should_panic(expected = "at most 2 items")]
    fn a_full_list_is_never_cut_off() {
        let _: Few<u8, 2> = [1, 2, 3].into_iter().collect();
    }
}
