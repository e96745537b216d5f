// Runs before the viewer: where its files are, and what it would otherwise make from text, which our pages forbid.

window.PUBLIC_URL = document.currentScript.src.replace(/[^/]*$/, '').slice(location.origin.length);

// A library that the viewer loads by its path from the root.
function browserImportFunction(name) {
  return import(name.startsWith('/') ? window.PUBLIC_URL + name.slice(1) : name);
}

// Views of arrays in several dimensions, as the library `ndarray` has them. It compiles a class for each type and
// dimension from text; `build.py` makes it ask here first. `constructors` holds its constructors for the type, from
// dimension -1 on.
window.ndarrayViews = (dtype, dimension, constructors, order) => {
  const isGiven = (index) => typeof index === 'number';

  class View {
    constructor(data, shape, stride, offset) {
      this.data = data;
      this.shape = shape;
      this.stride = stride;
      this.offset = offset | 0;
    }

    get size() {
      return dimension < 0 ? 0 : this.shape.reduce((product, length) => product * length, 1);
    }

    get order() {
      return order.call(this);
    }

    index(i, j, k, ...more) {
      if (dimension < 0) return -1;
      const { stride } = this;
      let at = this.offset;
      if (dimension > 0) at += stride[0] * i;
      if (dimension > 1) at += stride[1] * j;
      if (dimension > 2) at += stride[2] * k;
      for (let axis = 3; axis < dimension; axis++) at += stride[axis] * more[axis - 3];
      return at;
    }

    get(...at) {
      if (dimension < 0) return undefined;
      const index = this.index(...at);
      return dtype === 'generic' ? this.data.get(index) : this.data[index];
    }

    set(...values) {
      if (dimension < 0) return undefined;
      const index = this.index(...values);
      const value = values[dimension];
      return dtype === 'generic' ? this.data.set(index, value) : (this.data[index] = value);
    }

    valueOf() {
      return dimension === 0 ? this.get() : this;
    }

    hi(...stop) {
      const shape = this.shape.map((length, axis) => (isGiven(stop[axis]) && stop[axis] >= 0 ? stop[axis] | 0 : length));
      return new View(this.data, shape, [...this.stride], this.offset);
    }

    lo(...start) {
      const shape = [...this.shape];
      let { offset } = this;
      shape.forEach((_, axis) => {
        if (!isGiven(start[axis]) || start[axis] < 0) return;
        offset += this.stride[axis] * (start[axis] | 0);
        shape[axis] -= start[axis] | 0;
      });
      return new View(this.data, shape, [...this.stride], offset);
    }

    step(...by) {
      const shape = [...this.shape];
      const stride = [...this.stride];
      let { offset } = this;
      shape.forEach((length, axis) => {
        if (!isGiven(by[axis])) return;
        const step = by[axis] | 0;
        if (step < 0) offset += stride[axis] * (length - 1);
        shape[axis] = Math.ceil(length / Math.abs(step));
        stride[axis] *= step;
      });
      return new View(this.data, shape, stride, offset);
    }

    transpose(...axes) {
      const from = this.shape.map((_, axis) => (axes[axis] === undefined ? axis : axes[axis] | 0));
      return new View(this.data, from.map((axis) => this.shape[axis]), from.map((axis) => this.stride[axis]), this.offset);
    }

    pick(...at) {
      if (dimension < 0) return null;
      if (dimension === 0) return constructors[0](this.data);
      const isLeft = this.shape.map((_, axis) => !isGiven(at[axis]) || at[axis] < 0);
      const offset = this.stride.reduce((sum, stride, axis) => (isLeft[axis] ? sum : sum + stride * at[axis]), this.offset);
      const left = (values) => values.filter((_, axis) => isLeft[axis]);
      return constructors[left(this.shape).length + 1](this.data, left(this.shape), left(this.stride), offset);
    }
  }

  View.prototype.dtype = dtype;
  View.prototype.dimension = dimension;
  // Shape and stride are the caller's to change: the view has its own.
  const own = (values) => (dimension > 0 ? Array.from({ length: dimension }, (_, axis) => values[axis]) : []);
  return (data, shape, stride, offset) => new View(data, own(shape), own(stride), offset);
};
