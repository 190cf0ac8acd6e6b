"""What alignment needs: finding faces, putting their landmarks in place, and processes for many."""
